// SPDX-License-Identifier: Apache-2.0
#include "slm/core/tensor.h"

#include <gtest/gtest.h>

#include <array>

#include "slm/core/aligned_buffer.h"

namespace slm {
namespace {

TEST(Shape, CountsElementsAndRows) {
  const Shape shape{2, 3, 5};
  EXPECT_EQ(shape.elements(), 30);
  EXPECT_EQ(shape.rows(), 6);
  EXPECT_EQ(shape.row_elements(), 5);
  EXPECT_EQ(shape.to_string(), "(2,3,5)");
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_NE(shape, (Shape{2, 3, 6}));
}

TEST(Shape, RefusesWhatDoesNotFit) {
  EXPECT_THROW((Shape{1, 2, 3, 4, 5}), ArgumentError);
  EXPECT_THROW((Shape{-1, 2}), ArgumentError);
  EXPECT_THROW((Shape{int64_t{1} << 40, int64_t{1} << 40}), ArgumentError);
}

TEST(Tensor, CopyIsShallowAndCloneIsDeep) {
  Tensor a = Tensor::zeros(Dtype::F32, {2, 2});
  Tensor copy = a, clone = a.clone();
  a.mutable_as<float>()[3] = 7;
  EXPECT_EQ(copy.as<float>()[3], 7);
  EXPECT_EQ(clone.as<float>()[3], 0);
}

TEST(Tensor, EmptyHasNoBytesAndRefusesToBeRead) {
  const Tensor empty;
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.bytes(), 0u);
  EXPECT_TRUE(empty.clone().empty());
  EXPECT_THROW(empty.as<float>(), ArgumentError);
  EXPECT_THROW(empty.row(0), ArgumentError);
  EXPECT_FALSE(Tensor::zeros(Dtype::F32, {0, 3}).empty()) << "no rows, but a tensor";
}

TEST(Tensor, RefusesRowsItDoesNotHave) {
  const Tensor t = Tensor::zeros(Dtype::F32, {2, 3});
  EXPECT_EQ(t.row(1).data(), t.data() + 12);
  EXPECT_THROW(t.row(2), ArgumentError);
  EXPECT_THROW(t.row(-1), ArgumentError);
}

TEST(Tensor, ViewsAreReadOnlyAndKeepTheirOwner) {
  auto owner = std::make_shared<std::array<float, 4>>(std::array<float, 4>{1, 2, 3, 4});
  std::weak_ptr<std::array<float, 4>> watched = owner;
  Tensor view = Tensor::view(owner, reinterpret_cast<const std::byte*>(owner->data()), Dtype::F32, {2, 2});
  owner.reset();
  ASSERT_FALSE(watched.expired());
  EXPECT_EQ(view.as<float>()[2], 3);
  EXPECT_EQ(view.row(1).size(), 8u);
  EXPECT_THROW(view.mutable_data(), ArgumentError);
  EXPECT_THROW(view.as<int32_t>(), ArgumentError);
  view = Tensor();
  EXPECT_TRUE(watched.expired());
}

TEST(AlignedBuffer, IsAlignedAtEverySize) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{63}, size_t{4096}, size_t{9} << 20}) {
    const AlignedBuffer buffer(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u) << size;
    EXPECT_EQ(buffer.size(), size);
  }
#if !defined(__SANITIZE_ADDRESS__)  // which ends the program instead
  EXPECT_THROW(AlignedBuffer{SIZE_MAX}, std::bad_alloc);
#endif
}

}  // namespace
}  // namespace slm
