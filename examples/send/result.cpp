//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include "result.hpp"

#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <nlohmann/json.hpp>

#include <utility>
#include <variant>

namespace tool {

namespace {

namespace smtp = posthorn::smtp;
using json     = nlohmann::ordered_json;
using posthorn::condition;

/// The worst first.
constexpr smtp::overall by_badness[] = {smtp::overall::in_doubt,  smtp::overall::refused,
                                        smtp::overall::temporary, smtp::overall::not_sent,
                                        smtp::overall::partial,   smtp::overall::accepted};

/// @param explained Does an error tell why recipients were not sent to?
exit_code code_of(smtp::report const& r, bool explained)
{
    if (r.count(smtp::disposition::in_doubt) != 0)
        return in_doubt;
    if (r.count(smtp::disposition::refused_permanently) != 0)
        return refused;
    if (r.count(smtp::disposition::refused_temporarily) != 0 || (!explained && !r.all_accepted()))
        return temporary;
    return success;
}

exit_code code_of(failure const& f)
{
    auto const ec = f.code;
    if (ec == smtp::errc::in_doubt || ec == smtp::errc::not_all_accepted)
        return success; // what the report says counts
    if (ec == condition::timeout && f.phase == smtp::phase::connect)
        return unreachable;
    return tool::code_of(ec);
}

json to_json(std::optional<smtp::enhanced_code> const& code)
{
    return code ? json(code->to_string()) : json(nullptr);
}

} // namespace

failure::failure(posthorn::error const& e) : code(e.code()), message(e.what()), phase(smtp::phase::connect)
{
    if (auto const* in_session = dynamic_cast<smtp::session_error const*>(&e))
        phase = in_session->phase();
    if (code == condition::canceled) // nothing else cancels
    {
        code = posthorn::errc::timeout;
        message += " (the time of --timeout is over)";
    }
}

result::result(smtp::envelope const& e, std::size_t total) : total_(total)
{
    smtp::transaction::reset(shown_, e);
}

void result::note(smtp::event const& e)
{
    if (std::holds_alternative<smtp::events::connected>(e))
    {
        tls_.reset();
        auth_.reset();
    }
    else if (auto const* secured = std::get_if<smtp::events::secured>(&e))
        tls_.emplace(
            tls_facts{std::string(secured->version), std::string(secured->cipher), secured->verified});
    else if (auto const* login = std::get_if<smtp::events::authenticated>(&e))
        auth_.emplace(login->mechanism);
}

void result::add(std::size_t index, smtp::report r, std::optional<failure> why)
{
    ++decided_;
    ++count(r.outcome());
    round_trips_ += r.round_trips();
    bytes_ += r.content_bytes();
    code_ = worse(code_, code_of(r, why.has_value()));
    if (why)
        code_ = worse(code_, code_of(*why));

    bool const bad    = why || !r.all_accepted();
    bool const wanted = !shown_index_ || (bad ? !shown_is_bad_ || index < *shown_index_
                                              : !shown_is_bad_ && index > *shown_index_);
    if (!wanted)
        return;
    shown_        = std::move(r);
    shown_index_  = index;
    shown_is_bad_ = bad;
    why_          = std::move(why);
}

void result::end(std::optional<failure> why)
{
    if (why && why_) // it stands for all that were left
        why->phase = why_->phase;
    if (why)
        code_ = worse(code_, code_of(*why));
    count(smtp::overall::not_sent) += total_ - decided_;
    if (why && !why_)
        why_ = std::move(why);
    if (!why_)
        return;
    for (auto& one : shown_.recipients())
        if (one.outcome == smtp::disposition::not_sent && one.text.empty())
        {
            one.phase = why_->phase;
            one.text  = why_->code.message();
        }
}

smtp::overall result::outcome() const
{
    for (auto const one : by_badness)
        if (count(one) != 0)
            return one;
    return smtp::overall::not_sent;
}

std::string result::to_json() const
{
    json out;
    out["outcome"] = to_string(outcome());
    out["reply"]   = nullptr;
    if (auto const& r = shown_.final_reply(); !r.empty())
        out["reply"] = {{"code", r.code()},
                        {"enhanced", tool::to_json(r.enhanced())},
                        {"text", posthorn::printable(r.text())}};
    out["recipients"] = json::array();
    for (auto const& one : shown_.recipients())
        out["recipients"].push_back({{"address", one.address},
                                     {"outcome", to_string(one.outcome)},
                                     {"phase", to_string(one.phase)},
                                     {"code", one.code},
                                     {"enhanced", tool::to_json(one.enhanced)},
                                     {"text", one.text}});
    out["tls"] = nullptr;
    if (tls_)
        out["tls"] = {{"version", tls_->version}, {"cipher", tls_->cipher}, {"verified", tls_->verified}};
    out["auth"]        = auth_ ? json(*auth_) : json(nullptr);
    out["transfer"]    = to_string(shown_.transfer());
    out["round_trips"] = round_trips_;
    out["bytes"]       = bytes_;
    out["error"]       = nullptr;
    if (why_)
        out["error"] = {{"category", why_->code.category().name()},
                        {"code", why_->code.value()},
                        {"message", why_->message},
                        {"phase", to_string(why_->phase)}};
    if (total_ > 1)
    {
        out["messages"]["total"] = total_;
        for (auto const one : {smtp::overall::accepted, smtp::overall::partial, smtp::overall::refused,
                               smtp::overall::temporary, smtp::overall::in_doubt, smtp::overall::not_sent})
            out["messages"][std::string(to_string(one))] = count(one);
    }
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string result::describe() const
{
    std::string text = shown_.describe();
    if (!shown_.final_reply().empty())
        text += shown_.final_reply().describe() + '\n';
    for (auto const keyword : shown_.dropped())
        text += "left out, because the server does not offer it: " + std::string(keyword) + '\n';
    if (total_ == 1)
        return text;
    text += std::to_string(total_) + " messages:";
    bool first = true;
    for (auto const one : by_badness)
        if (count(one) != 0)
        {
            text += std::string(first ? " " : ", ") + std::to_string(count(one)) + ' ' +
                    std::string(to_string(one));
            first = false;
        }
    return text + '\n';
}

} // namespace tool
