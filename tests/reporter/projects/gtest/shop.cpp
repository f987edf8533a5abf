#include <gtest/gtest.h>

TEST(Shop, Passes) { RecordProperty("testkase", "[48271]"); }
TEST(Shop, Fails) { RecordProperty("testkase", "[48272]"); EXPECT_EQ(1, 2); EXPECT_EQ(1, 3); }
TEST(Shop, Throws) { RecordProperty("testkase", "[48273]"); throw 1; }
TEST(Shop, Skips) { RecordProperty("testkase", "[48274]"); GTEST_SKIP() << "no printer"; }
TEST(Shop, DISABLED_Later) { FAIL(); }
TEST(Shop, FailsAndSkips) { EXPECT_EQ(1, 2); GTEST_SKIP(); }

class Broken : public testing::Test {
  protected:
    void SetUp() override { FAIL() << "no database"; }
};
TEST_F(Broken, One) { }

class BrokenSuite : public testing::Test {
  protected:
    static void SetUpTestSuite() { FAIL() << "no server"; }
};
TEST_F(BrokenSuite, One) { }
TEST_F(BrokenSuite, Two) { }

class Values : public testing::TestWithParam<int> { };
TEST_P(Values, AreOne) { EXPECT_EQ(GetParam(), 1); }
INSTANTIATE_TEST_SUITE_P(Few, Values, testing::Values(1, 2));
