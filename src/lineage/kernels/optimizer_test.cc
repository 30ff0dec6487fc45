#include "lineage/kernels/cases_rows.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Optimizer : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Optimizer, every_backend(), backend_name);

TEST_P(Optimizer, FirstStepByHand) {
  // With m and v at zero and step 1, the corrected moments are g and g².
  Tensor values = Tensor::full({9}, 2), m = Tensor::zeros({9}), v = Tensor::zeros({9});
  on.adamw(values, m, v, Tensor::full({9}, -8),
           {.lr = 0.1f,
            .beta1 = 0.9f,
            .beta2 = 0.95f,
            .eps = 1,
            .weight_decay = 0.5f,
            .grad_scale = 0.5f,
            .step = 1});
  expect_close("values", values, std::vector<float>(9, 2 - 0.1f * 0.5f * 2 + 0.1f * 4 / 5));
  expect_close("m", m, std::vector<float>(9, -0.4f));
  expect_close("v", v, std::vector<float>(9, 0.8f));
}

TEST_P(Optimizer, NoGradientAndNoHistoryOnlyDecays) {
  Tensor values = Tensor::full({3}, 1), m = Tensor::zeros({3}), v = Tensor::zeros({3});
  on.adamw(values, m, v, Tensor::zeros({3}), {.lr = 0.1f, .weight_decay = 0.1f});
  expect_close("values", values, std::vector<float>(3, 0.99f));
}

TEST(AdamWParity, EverySizeAndStep) {
  for (int64_t n : {1, 7, 64, 65, 129, 70'001})
    for (int64_t step : {1, 2, 1000, 1'000'000})
      expect_parity(AdamWCase{
          n,
          {.lr = 3e-2f,
           .beta1 = 0.9f,
           .beta2 = 0.95f,
           .eps = 1e-8f,
           .weight_decay = 0.1f,
           .grad_scale = 0.7f,
           .step =
               step}}.call());
}

}  // namespace
}  // namespace lineage::cases
