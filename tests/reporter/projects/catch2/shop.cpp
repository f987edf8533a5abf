#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <stdexcept>

TEST_CASE("passes [48271]") { REQUIRE(1 == 1); }
TEST_CASE("fails [48272]") { CHECK(1 == 2); CHECK(1 == 3); }
TEST_CASE("throws [48273]") { throw std::runtime_error("no database"); }
TEST_CASE("may fail [48274]", "[!mayfail]") { CHECK(1 == 2); }
TEST_CASE("should fail [48275]", "[!shouldfail]") { CHECK(1 == 2); }
TEST_CASE("hidden [48276]", "[.]") { CHECK(1 == 2); }
