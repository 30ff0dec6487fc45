# The Debian 12 packages that Lineage is built from and run with; quickstart.sh and test.sh source
# this. Installs what is missing, with sudo unless root; prints nothing when all is there.

lineage_packages="git g++ cmake curl ninja-build ccache pkg-config python3
  libdnnl-dev libhwy-dev nlohmann-json3-dev libtomlplusplus-dev libcli11-dev libfmt-dev
  libseccomp-dev bubblewrap libssl-dev zlib1g-dev libzstd-dev libutf8proc-dev libsqlite3-dev libboost1.81-dev libopenmpi-dev openmpi-bin"
lineage_test_packages="libgtest-dev libbenchmark-dev libpcre2-dev clang-14 libclang-rt-14-dev clang-format-14
  chromium"
# For the report's page; another nodejs than Debian's brings its own npm and excludes Debian's.
command -v npm >/dev/null || lineage_packages+=" nodejs npm"

lineage_install() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  echo "installing: ${missing[*]}"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
