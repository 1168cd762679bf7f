//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What became of the messages of posthorn-send, for people, for programs, and as an exit code.

#ifndef POSTHORN_EXAMPLES_SEND_RESULT_HPP
#define POSTHORN_EXAMPLES_SEND_RESULT_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>

#include "../tool/exit_code.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace tool {

/// Why a message, or all that were left, could not be sent as asked.
struct failure
{
    explicit failure(posthorn::error const& e);

    std::error_code       code;
    std::string           message;
    posthorn::smtp::phase phase;
};

/// All messages of a run. One of them is shown: the first that did not go well, or else the last.
class result
{
public:
    /// @param e Of each of the messages. @param total How many there are.
    result(posthorn::smtp::envelope const& e, std::size_t total);

    /// What the connection says about itself.
    void note(posthorn::smtp::event const& e);

    /// One message is decided. @param index Its number. @param why If it could not be sent as asked.
    void add(std::size_t index, posthorn::smtp::report r, std::optional<failure> why);

    /// Nothing more will be decided. @param why If messages are left: why.
    void end(std::optional<failure> why);

    exit_code code() const { return code_; }

    std::string to_json() const;

    /// For people: the recipients, the server's last word, and if there are several messages how many of each kind.
    std::string describe() const;

    /// What went wrong, for people; empty if nothing did.
    std::string complaint() const { return why_ ? why_->message : std::string(); }

private:
    std::size_t&       count(posthorn::smtp::overall o) { return counts_[static_cast<std::size_t>(o)]; }
    std::size_t const& count(posthorn::smtp::overall o) const { return counts_[static_cast<std::size_t>(o)]; }

    posthorn::smtp::overall outcome() const;

    posthorn::smtp::report     shown_;
    std::optional<std::size_t> shown_index_;
    bool                       shown_is_bad_ = false;
    std::optional<failure>     why_;
    std::array<std::size_t, 6> counts_{}; ///< Messages of each outcome.
    std::size_t                total_;
    std::size_t                decided_     = 0;
    std::uint64_t              round_trips_ = 0;
    std::uint64_t              bytes_       = 0;
    exit_code                  code_        = success;

    struct tls_facts
    {
        std::string version;
        std::string cipher;
        bool        verified = false;
    };
    std::optional<tls_facts>   tls_;
    std::optional<std::string> auth_;
};

} // namespace tool

#endif
