//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The main program of every test binary: doctest's, made strict about runs that tested nothing.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace {

unsigned cases_run = 0;

#if defined(__unix__) || defined(__APPLE__)
bool  finished = false;
pid_t self     = 0;

// A test that calls std::exit(0) would otherwise end the run in silence and in success.
void refuse_early_exit()
{
    if (finished || ::getpid() != self) // a forked child may leave when it likes
        return;
    std::fputs("the process ended before all tests were run\n", stderr);
    ::_exit(1);
}
#endif

struct case_counter : doctest::IReporter
{
    explicit case_counter(doctest::ContextOptions const&) {}

    void report_query(doctest::QueryData const&) override {}
    void test_run_start() override {}
    void test_run_end(doctest::TestRunStats const&) override {}
    void test_case_start(doctest::TestCaseData const&) override { ++cases_run; }
    void test_case_reenter(doctest::TestCaseData const&) override {}
    void test_case_end(doctest::CurrentTestCaseStats const&) override {}
    void test_case_exception(doctest::TestCaseException const&) override {}
    void subcase_start(doctest::SubcaseSignature const&) override {}
    void subcase_end() override {}
    void log_assert(doctest::AssertData const&) override {}
    void log_message(doctest::MessageData const&) override {}
    void test_case_skipped(doctest::TestCaseData const&) override {}
};

REGISTER_LISTENER("case_counter", 1, case_counter);

} // namespace

int main(int argc, char** argv)
{
    doctest::Context context(argc, argv);
#if defined(__unix__) || defined(__APPLE__)
    // The library must never raise SIGPIPE, so it is not ignored here, not even where the parent process did.
    std::signal(SIGPIPE, SIG_DFL);
    self = ::getpid();
    std::atexit(refuse_early_exit);
#endif
    int result = context.run();
#if defined(__unix__) || defined(__APPLE__)
    finished = true;
#endif
    if (result == 0 && !context.shouldExit() && cases_run == 0)
    {
        std::fputs("no test case matches the filters: nothing was tested\n", stderr);
        result = 1;
    }
    return result;
}
