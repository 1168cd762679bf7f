//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The exceptions of SMTP: where in the conversation it failed, what the server said, and what became of the message.

#ifndef POSTHORN_SMTP_SESSION_ERROR_HPP
#define POSTHORN_SMTP_SESSION_ERROR_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <memory>
#include <system_error>
#include <utility>

namespace posthorn::smtp {

/** A failed operation of a session.

    code() is an errc of SMTP, a posthorn::errc, a code of TLS or of the system; compare it to posthorn::condition.
    what() names phase, command, server and reply. Copying never throws.
*/
class session_error : public posthorn::error
{
public:
    session_error(std::error_code code, smtp::phase where, error_context context, smtp::reply const* r = nullptr)
        : error(code, named(std::move(context), where)), phase_(where),
          reply_(r != nullptr && !r->empty() ? std::make_shared<smtp::reply const>(*r) : nullptr)
    {
    }

    /// Where it happened.
    smtp::phase phase() const noexcept { return phase_; }

    /// What the server answered; null if it is not about a reply. Its text is not safe to show as it is.
    smtp::reply const* reply() const noexcept { return reply_.get(); }

private:
    static error_context named(error_context context, smtp::phase where)
    {
        context.phase = to_string(where);
        return context;
    }

    smtp::phase                        phase_;
    std::shared_ptr<smtp::reply const> reply_;
};

/** A message that could not be sent as asked, with the outcome for each recipient.

    Thrown if the connection or the protocol failed on the way, if the message cannot be sent to this server, and if the
    recipient policy was not satisfied. Refusals under recipient_policy::each are no errors.
*/
class send_error : public session_error
{
public:
    send_error(session_error const& reason, smtp::report r)
        : session_error(reason), report_(std::make_shared<smtp::report const>(std::move(r)))
    {
    }

    /// Complete: every recipient has an outcome. Recipients that are in_doubt may get the message twice if it is
    /// sent again; those that are not_sent will not.
    smtp::report const& report() const noexcept { return *report_; }

private:
    std::shared_ptr<smtp::report const> report_;
};

} // namespace posthorn::smtp

#endif
