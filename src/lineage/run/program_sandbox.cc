#include "lineage/run/program_sandbox.h"

#include <memory>

#include "lineage/sandbox/sandbox.h"

namespace lineage {

ProgramRunner sandboxed_programs() {
  const auto sandbox = std::make_shared<const Sandbox>();
  return [sandbox](const std::string& program) {
    const ProgramRun run = sandbox->run(program);
    return ProgramVerdict{run.ending == Ending::passed, std::string(ending_name(run.ending))};
  };
}

}  // namespace lineage
