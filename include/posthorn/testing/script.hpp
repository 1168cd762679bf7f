//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// script: what a peer of a client under test expects and does, step by step.

#ifndef POSTHORN_TESTING_SCRIPT_HPP
#define POSTHORN_TESTING_SCRIPT_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/detail/script_session.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing {

namespace detail {
class script_player;
}

/** Steps for one connection, in the order in which they are written down.

    @code
    auto const talk = testing::script()
                          .opening({"PIPELINING"})
                          .expect("MAIL FROM:<a@b.test>")
                          .reply("451 4.3.0 later")
                          .expect("QUIT")
                          .reply("221 2.0.0 bye")
                          .expect_close();
    @endcode

    A step that waits for the client fails when it gets something else, or nothing within the patience of the server
    (5 seconds unless set otherwise). After the last step, or a failure, the connection is closed.

    Texts of expect...() and reply() are lines without CRLF; those of send...() go out as they are.
*/
class script
{
public:
    using milliseconds = std::chrono::milliseconds;

    script() = default;

    // ---- what the client has to do -------------------------------------------------------------------------

    /// Exactly this line.
    script& expect(std::string line)
    {
        return expect_line(detail::script_session::match::exact, "expect", std::move(line));
    }

    /// A line that begins like this.
    script& expect_prefix(std::string begin)
    {
        return expect_line(detail::script_session::match::prefix, "expect_prefix", std::move(begin));
    }

    /// A line that matches the regular expression (ECMAScript) as a whole. @throws std::regex_error
    script& expect_match(std::string expression)
    {
        static_cast<void>(std::regex(expression));
        return expect_line(detail::script_session::match::regex, "expect_match", std::move(expression));
    }

    /// Some line.
    script& expect_any()
    {
        return expect_line(detail::script_session::match::any, "expect_any", std::string());
    }

    /// Exactly these octets, whatever follows them.
    script& expect_bytes(std::string bytes)
    {
        return add("expect_bytes " + detail::in_quotes(bytes),
                   [bytes](detail::script_session& s) { return s.expect_bytes(bytes); });
    }

    /// Content of any kind, up to CRLF.CRLF.
    script& expect_data()
    {
        return add("expect_data", [](detail::script_session& s) { return s.expect_data(std::nullopt); });
    }

    /// This content, up to CRLF.CRLF. @param content Without the dot at the end, and without doubled dots.
    script& expect_data(std::string content)
    {
        return add("expect_data " + detail::in_quotes(content),
                   [content](detail::script_session& s) { return s.expect_data(content); });
    }

    /// Nothing at all for this time, and nothing may have arrived before.
    script& expect_nothing(milliseconds quiet)
    {
        return add("expect_nothing", [quiet](detail::script_session& s) { return s.expect_nothing(quiet); });
    }

    /// The end of the connection, in whatever manner, and nothing before it. The transcript tells the manner.
    script& expect_close()
    {
        return add("expect_close", [](detail::script_session& s) { return s.expect_close(); });
    }

    /// At least one octet; takes what there is.
    script& read_some()
    {
        return add("read_some", [](detail::script_session& s) { return s.read_some(); });
    }

    // ---- what the server does ------------------------------------------------------------------------------

    script& send(std::string bytes)
    {
        return add("send " + detail::in_quotes(bytes),
                   [bytes](detail::script_session& s) { return s.send(bytes); });
    }

    /// Sends a line.
    script& reply(std::string line) { return send(std::move(line) + "\r\n"); }

    /// Sends each segment by itself, and waits in between.
    script& send_segments(std::vector<std::string> segments, milliseconds delay)
    {
        return add("send_segments", [segments = std::move(segments), delay](detail::script_session& s) {
            return s.send_segments(segments, delay);
        });
    }

    /// Sends drop by drop. Ends early, without failure, if the client closes.
    script& send_slowly(std::string text, std::size_t bytes_per_step, milliseconds delay)
    {
        return add("send_slowly", [text = std::move(text), bytes_per_step, delay](detail::script_session& s) {
            return s.send_slowly(text, bytes_per_step, delay);
        });
    }

    /// Sends a text many times, as fast as it can. Ends early, without failure, if the client closes.
    script& send_flood(std::string pattern, std::uint64_t count)
    {
        return add("send_flood", [pattern = std::move(pattern), count](detail::script_session& s) {
            return s.send_flood(pattern, count);
        });
    }

    /// Does nothing, and reads nothing.
    script& pause(milliseconds time)
    {
        return add("pause", [time](detail::script_session& s) { return s.pause(time); });
    }

    /// The server's side of a TLS handshake, with the context of the server's settings.
    script& start_tls()
    {
        return add("start_tls", [](detail::script_session& s) { return s.start_tls(std::nullopt); });
    }
    script& start_tls(net::tls_context context)
    {
        return add("start_tls", [context = std::move(context)](detail::script_session& s) {
            return s.start_tls(context);
        });
    }

    /// A TLS handshake that the client must not complete, as with a bad certificate. It ends the connection.
    script& expect_tls_failure()
    {
        return add("expect_tls_failure",
                   [](detail::script_session& s) { return s.refuse_tls(std::nullopt); });
    }
    script& expect_tls_failure(net::tls_context context)
    {
        return add("expect_tls_failure", [context = std::move(context)](detail::script_session& s) {
            return s.refuse_tls(context);
        });
    }

    /// Ends the connection properly, under TLS by close_notify first. Takes what has arrived, so that this is no reset.
    script& close()
    {
        return add("close", [](detail::script_session& s) { return s.close(); });
    }

    /// Ends the connection without close_notify: the same as close() unless TLS is on.
    script& cut()
    {
        return add("cut", [](detail::script_session& s) { return s.cut(); });
    }

    /// Ends our direction only (FIN); the client may go on.
    script& half_close()
    {
        return add("half_close", [](detail::script_session& s) { return s.half_close(); });
    }

    /// Ends the connection by RST.
    script& reset()
    {
        return add("reset", [](detail::script_session& s) { return s.reset(); });
    }

    /// Takes whatever comes and keeps silent until the client goes away. Fails if it stays for longer than the patience.
    script& stall()
    {
        return add("stall", [](detail::script_session& s) { return s.stall(); });
    }

    /// From here on every step may take this time.
    script& within(milliseconds patience)
    {
        return add("within", [patience](detail::script_session& s) -> task<void> {
            s.set_patience(patience);
            return nothing();
        });
    }

    /// A function of the test's own: runs between two steps. What it throws is a failure.
    script& run(std::function<void()> function)
    {
        return add("run", [function = std::move(function)](detail::script_session&) -> task<void> {
            function();
            return nothing();
        });
    }

    // ---- longer pieces -------------------------------------------------------------------------------------

    /// The steps of another script.
    script& then(script const& more)
    {
        std::vector<step> const copy = more.steps_; // it may be this one
        steps_.insert(steps_.end(), copy.begin(), copy.end());
        return *this;
    }

    /// The steps of another script, several times.
    script& repeat(std::size_t count, script const& more)
    {
        script const copy = more;
        for (; count != 0; --count)
            then(copy);
        return *this;
    }

    /// Sends a greeting, expects EHLO, offers extensions.
    script& opening(std::vector<std::string> const& keywords)
    {
        return reply("220 scripted.test ESMTP").hello(keywords);
    }
    script& opening() { return opening(std::vector<std::string>()); }

    /// Expects EHLO, offers extensions.
    script& hello(std::vector<std::string> const& keywords)
    {
        std::string text = keywords.empty() ? "250 scripted.test" : "250-scripted.test";
        for (std::size_t i = 0; i != keywords.size(); ++i)
            text += (i + 1 == keywords.size() ? "\r\n250 " : "\r\n250-") + keywords[i];
        return expect_prefix("EHLO ").reply(std::move(text));
    }

    /// Expects QUIT, answers, and expects the client to close.
    script& quit() { return expect("QUIT").reply("221 2.0.0 bye").expect_close(); }

    std::size_t size() const noexcept { return steps_.size(); }

private:
    friend class detail::script_player;

    struct step
    {
        std::string                                        name;
        std::function<task<void>(detail::script_session&)> run;
    };

    static task<void> nothing() { co_return; }

    script& add(std::string name, std::function<task<void>(detail::script_session&)> run)
    {
        steps_.push_back({std::move(name), std::move(run)});
        return *this;
    }

    script& expect_line(detail::script_session::match how, std::string_view name, std::string pattern)
    {
        std::string text(name);
        if (how != detail::script_session::match::any)
            text += ' ' + detail::in_quotes(pattern);
        return add(std::move(text), [how, pattern = std::move(pattern)](detail::script_session& s) {
            return s.expect_line(how, pattern);
        });
    }

    std::vector<step> steps_;
};

} // namespace posthorn::testing

#endif
