//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// GSSAPI (RFC 4752): Kerberos, by the system's library. Only where POSTHORN_WITH_GSSAPI is defined.

#ifndef POSTHORN_SASL_GSSAPI_HPP
#define POSTHORN_SASL_GSSAPI_HPP

#if defined(POSTHORN_WITH_GSSAPI)

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

/** One login by Kerberos, with the ticket the process has: nothing of `credentials` is used but the authorization
    identity. */
class gssapi final : public mechanism
{
public:
    /// @param service E.g. "smtp". @param host The full name of the server, as in its principal.
    gssapi(credentials c, std::string service, std::string host)
        : identity_(std::move(c.authorization_identity)), target_(std::move(service) + '@' + std::move(host))
    {
    }
    gssapi(gssapi const&)            = delete;
    gssapi& operator=(gssapi const&) = delete;
    ~gssapi() override
    {
        OM_uint32 ignored = 0;
        if (context_ != GSS_C_NO_CONTEXT)
            gss_delete_sec_context(&ignored, &context_, GSS_C_NO_BUFFER);
        if (name_ != GSS_C_NO_NAME)
            gss_release_name(&ignored, &name_);
    }

    std::string_view name() const noexcept override { return "GSSAPI"; }
    bool             plaintext() const noexcept override { return false; }
    bool             expensive() const noexcept override { return true; } // it may ask a server for a ticket
    bool             satisfied() const noexcept override { return step_ == step::done; }

    std::optional<secret_string> initial_response() override
    {
        if (ascii::has_control(target_) || identity_.size() > 1024)
            throw error(errc::unusable_credentials, "GSSAPI cannot use this host name or authorization identity");
        OM_uint32       minor = 0;
        gss_buffer_desc text  = buffer(target_);
        auto const      major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name_);
        if (GSS_ERROR(major))
            fail("the name of the service", major, minor, errc::unusable_credentials);
        return advance({});
    }

    secret_string respond(std::string_view challenge) override
    {
        if (name_ == GSS_C_NO_NAME) // the initial response was ignored
            return *initial_response();
        switch (step_)
        {
        case step::negotiating: return advance(challenge);
        case step::established: return choose_layer(challenge);
        case step::done: break;
        }
        throw error(errc::bad_challenge, "GSSAPI has ended, and the server goes on");
    }

private:
    enum class step : unsigned char { negotiating, established, done };

    /// A result of the library, released when it goes.
    struct owned
    {
        owned() noexcept               = default;
        owned(owned const&)            = delete;
        owned& operator=(owned const&) = delete;
        ~owned()
        {
            OM_uint32 ignored = 0;
            gss_release_buffer(&ignored, &value);
        }
        std::string_view view() const noexcept { return {static_cast<char const*>(value.value), value.length}; }

        gss_buffer_desc value = GSS_C_EMPTY_BUFFER;
    };

    static gss_buffer_desc buffer(std::string_view s) noexcept
    {
        gss_buffer_desc b;
        b.length = s.size();
        b.value  = const_cast<char*>(s.data()); // the library only reads it
        return b;
    }

    secret_string advance(std::string_view challenge)
    {
        OM_uint32       minor = 0;
        gss_buffer_desc in    = buffer(challenge);
        owned           out;
        auto const      major =
            gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &context_, name_, gss_mech_krb5,
                                 GSS_C_MUTUAL_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_INTEG_FLAG, 0, GSS_C_NO_CHANNEL_BINDINGS,
                                 challenge.empty() ? GSS_C_NO_BUFFER : &in, nullptr, &out.value, nullptr, nullptr);
        if (GSS_ERROR(major))
            fail("the ticket for " + target_, major, minor, challenge.empty() ? errc::unusable_credentials : errc::bad_challenge);
        if (major == GSS_S_COMPLETE)
            step_ = step::established;
        return secret_string(out.view());
    }

    secret_string choose_layer(std::string_view challenge)
    {
        OM_uint32       minor = 0;
        gss_buffer_desc in    = buffer(challenge);
        owned           plain;
        auto const      major = gss_unwrap(&minor, context_, &in, &plain.value, nullptr, nullptr);
        if (GSS_ERROR(major))
            fail("the server's offer of security layers", major, minor, errc::server_not_verified);
        if (plain.view().size() != 4)
            throw error(errc::bad_challenge, "GSSAPI: the server's offer of security layers has not four octets");
        if ((static_cast<unsigned char>(plain.view()[0]) & 1U) == 0)
            throw error(errc::bad_challenge, "GSSAPI: the server demands a security layer; use TLS");
        std::string const choice = std::string("\x01\0\0\0", 4) + identity_;
        gss_buffer_desc   text   = buffer(choice);
        owned             wrapped;
        auto const        sealed = gss_wrap(&minor, context_, 0, GSS_C_QOP_DEFAULT, &text, nullptr, &wrapped.value);
        if (GSS_ERROR(sealed))
            fail("our choice of a security layer", sealed, minor, errc::bad_challenge);
        step_ = step::done;
        return secret_string(wrapped.view());
    }

    [[noreturn]] static void fail(std::string const& what, OM_uint32 major, OM_uint32 minor, errc code)
    {
        std::string text = "GSSAPI: " + what + ": " + describe(major, GSS_C_GSS_CODE);
        if (minor != 0)
            text += ", " + describe(minor, GSS_C_MECH_CODE);
        throw error(code, std::move(text));
    }

    static std::string describe(OM_uint32 status, int type)
    {
        OM_uint32 minor = 0, more = 0;
        owned     text;
        if (GSS_ERROR(gss_display_status(&minor, status, type, gss_mech_krb5, &more, &text.value)))
            return "code " + std::to_string(status);
        return printable(text.view(), 300);
    }

    std::string  identity_;
    std::string  target_;
    gss_ctx_id_t context_ = GSS_C_NO_CONTEXT;
    gss_name_t   name_    = GSS_C_NO_NAME;
    step         step_    = step::negotiating;
};

} // namespace posthorn::sasl

#endif

#endif
