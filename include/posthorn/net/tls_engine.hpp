//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One TLS connection without any I/O: ciphertext in and out through two buffers, whatever carries them.

#ifndef POSTHORN_NET_TLS_ENGINE_HPP
#define POSTHORN_NET_TLS_ENGINE_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/hex.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/net/detail/tls_handles.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_error.hpp>
#include <posthorn/net/tls_info.hpp>
#include <posthorn/net/tls_settings.hpp>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::net {

/// How an operation of a tls_engine ended.
enum class tls_status : unsigned char
{
    done,      ///< It did what it was asked for.
    want_read, ///< It needs more ciphertext in input().
    closed     ///< The peer has ended its side properly, or an error was reported.
};

/** One TLS connection, as client or server, that does no I/O.

    The caller puts what it receives into input() and sends what appears in output(), after every operation:
    any of them may leave something there, even read(), and a failed handshake leaves an alert.
    Neither buffer grows beyond what one call of write(), or the ciphertext that was put in, explains.

    Once an operation has failed, every later one fails with the same error.

    @par Thread safety
    One thread at a time.
*/
class tls_engine final : private detail::tls_callbacks
{
public:
    /** @param context Trust, keys, remembered sessions.
        @param role    Who we are.
        @param host    For a client: whom to ask for by SNI, and for whom the certificate must be: a name (as
                       A-labels) or an IP address (RFC 6066, 3: no SNI then). For a server: empty.
        @param session Names the sessions that may be resumed, e.g. "host:port"; empty for none.

        @throws posthorn::error with tls_errc::configuration: there is no host to verify or it is malformed,
                or a server has no certificate.
    */
    tls_engine(tls_context context, tls_role role, std::string host = {}, std::string session = {})
        : context_(std::move(context)), host_(std::move(host)), role_(role)
    {
        detail::openssl_errors_guard const clean;
        detail::tls_context_state&         state = *context_.state_;
        bool const                         asks  = is_client() || state.client_auth != tls_client_auth::none;
        check_settings();
        if (asks && state.verify_peer)
            state.load_system_authorities();

        ssl_.reset(SSL_new(state.context.get()));
        if (!ssl_)
            detail::throw_tls_settings("OpenSSL makes no connection: " + detail::take_openssl_errors());
        BIO* const bio = BIO_new(method());
        if (bio == nullptr)
            detail::throw_tls_settings("OpenSSL makes no connection: " + detail::take_openssl_errors());
        BIO_set_data(bio, this);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl_.get(), bio, bio);
        SSL_set_app_data(ssl_.get(), static_cast<detail::tls_callbacks*>(this));

        int verify = asks ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
        if (!is_client() && state.client_auth == tls_client_auth::required)
            verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        SSL_set_verify(ssl_.get(), verify, nullptr);
        if (!is_client())
        {
            SSL_set_accept_state(ssl_.get());
            return;
        }
        SSL_set_connect_state(ssl_.get());
        name_peer();
        if (state.resumption && !session.empty())
        {
            // A session proves the certificate for one host only.
            session_key_ = std::move(session) + '\n' + host_;
            if (auto const earlier = state.sessions.take(session_key_))
                offered_ = SSL_set_session(ssl_.get(), earlier.get()) == 1;
        }
    }

    tls_engine(tls_engine const&)            = delete;
    tls_engine& operator=(tls_engine const&) = delete;
    ~tls_engine()
    {
        // OpenSSL would make the session of a connection without close_notify useless for others.
        if (established_ && !failure_)
            SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }

    /// Ciphertext that was received: to be filled by the caller.
    byte_buffer& input() noexcept { return input_; }

    /// Ciphertext to be sent: to be emptied by the caller, who may also swap it for an empty one.
    byte_buffer& output() noexcept { return output_; }

    /** Takes the handshake as far as it goes. To be called first with no input, then whenever there is more.

        @param ec Why it failed. output() may then hold the alert that tells the peer.
        @return done, want_read, or closed with `ec`.
    */
    tls_status handshake(std::error_code& ec)
    {
        detail::openssl_errors_guard const clean;
        if (!usable(ec))
            return tls_status::closed;
        if (established_)
            return tls_status::done;
        switch (look_at_first_bytes(ec))
        {
        case tls_status::done: break;
        case tls_status::want_read: return tls_status::want_read;
        case tls_status::closed: return tls_status::closed;
        }
        if (int const result = SSL_do_handshake(ssl_.get()); result != 1)
            return stopped(result, ec);
        return accept_peer(ec);
    }

    /** Decrypts into `plain` as much as there is.

        Session tickets and key updates that arrive in between are handled; output() may then hold an answer.

        @param status done (something was read), want_read (input() is used up), or closed (the peer's end,
                      or `ec`).
        @return The number of bytes; what came before an end or an error is given out first.
    */
    std::size_t read(std::span<char> plain, tls_status& status, std::error_code& ec)
    {
        detail::openssl_errors_guard const clean;
        status = tls_status::closed;
        if (!usable(ec) || !open(ec))
            return 0;
        std::size_t total = 0;
        status            = tls_status::done;
        while (total != plain.size())
        {
            std::size_t n      = 0;
            int const   result = SSL_read_ex(ssl_.get(), plain.data() + total, plain.size() - total, &n);
            if (result != 1)
            {
                std::error_code why;
                status = stopped(result, why);
                if (total != 0)
                    status = tls_status::done; // the next call meets the same end again
                else
                    ec = why;
                break;
            }
            total += n;
        }
        if (!deferred_.empty() && !failure_)
            encrypt_deferred();
        return total;
    }

    /** Encrypts all of `plain` into output(), in records as large as possible.

        In the middle of a handshake message of the peer, which may be split, TLS cannot encrypt: then the
        bytes are kept, and the read() that meets the rest of it puts them into output().

        @return plain.size(), or 0 with `ec`.
    */
    std::size_t write(std::string_view plain, std::error_code& ec)
    {
        detail::openssl_errors_guard const clean;
        if (!usable(ec) || !open(ec))
            return 0;
        if (shut_down_)
        {
            ec = posthorn::errc::closed;
            return 0;
        }
        output_.prepare(plain.size() + (plain.size() / SSL3_RT_MAX_PLAIN_LENGTH + 1) * record_overhead);
        if (!deferred_.empty())
        {
            deferred_.append(plain);
            encrypt_deferred();
        }
        else if (std::size_t const n = encrypt(plain); n != plain.size() && !failure_)
            deferred_.append(plain.substr(n));
        return usable(ec) ? plain.size() : 0;
    }

    /// Puts close_notify into output(): we will send nothing more. Reading goes on until the peer's end.
    void shutdown()
    {
        detail::openssl_errors_guard const clean;
        if (!established_ || failure_ || shut_down_)
            return;
        shut_down_ = true;
        SSL_shutdown(ssl_.get());
    }

    /// The transport has ended: what is in input() is all there will be. Without the peer's close_notify
    /// in it, the next operation that needs more fails with tls_errc::truncated (RFC 8446, 6.1).
    void on_eof() noexcept { eof_ = true; }

    /// Might read() give something without more input?
    bool pending() const noexcept { return !input_.empty() || SSL_pending(ssl_.get()) != 0; }

    bool established() const noexcept { return established_; }

    /// Facts about the session, gathered at the first call. @pre established()
    tls_info const& info() const
    {
        POSTHORN_ASSERT(established_);
        if (!info_)
        {
            detail::openssl_errors_guard const clean;
            info_           = std::make_unique<tls_info>(detail::describe(ssl_.get()));
            info_->verified = verified_;
        }
        return *info_;
    }

    /** The exception for a code that this engine has reported: which check failed on which certificate,
        and what to do.

        Its peer is left for the caller to fill in.
    */
    error make_error(std::error_code ec) const
    {
        error_context context;
        context.phase = established_ ? "TLS" : "TLS handshake";
        if (failure_ && failure_->code == ec)
        {
            context.detail = failure_->detail;
            context.hint   = failure_->hint;
        }
        return error(ec, std::move(context));
    }

    /// OpenSSL's object, for what is missing here. Its input and output belong to this class.
    ssl_st* native_handle() const noexcept { return ssl_.get(); }

private:
    static constexpr std::size_t record_overhead = 64; // header, nonce, tag, content type

    struct failure
    {
        std::error_code code;
        std::string     detail;
        std::string     hint;
    };

    bool is_client() const noexcept { return role_ == tls_role::client; }

    // ---- construction

    void check_settings()
    {
        auto const& state = *context_.state_;
        if (!is_client())
        {
            if (!state.has_certificate)
                detail::throw_tls_settings("a server needs a certificate",
                                           "give certificate_file and key_file");
            return;
        }
        if (host_.size() > 1 && host_.front() == '[' && host_.back() == ']')
            host_ = host_.substr(1, host_.size() - 2);
        if (std::size_t const zone = host_.find('%'); zone != host_.npos && is_ipv6_literal(host_))
            host_.resize(zone); // it means something on this machine only
        if (host_.empty())
        {
            if (state.verify_peer && state.verify_host)
                detail::throw_tls_settings("there is no host name to check the certificate against",
                                           "give the name the peer is known by, or unset verify_host");
            return;
        }
        if (auto const found = check_host(host_); !found.ok())
            detail::throw_tls_settings(std::string(net::describe(found.offence)) + ": " +
                                       printable(host_, 253));
        if (ascii::has_eight_bit(host_))
            detail::throw_tls_settings("the host name " + printable(host_, 253) + " is not ASCII",
                                       "give it as A-labels: xn--...");
        if (host_.back() == '.')
            host_.pop_back(); // RFC 6066, 3: without the trailing dot
    }

    void name_peer()
    {
        if (host_.empty())
            return;
        bool const address = is_ipv4_literal(host_) || is_ipv6_literal(host_);
        bool       good    = address || SSL_set_tlsext_host_name(ssl_.get(), host_.c_str()) == 1;
        if (context_.state_->verify_host)
        {
            X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl_.get());
            X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
            good = good && (address ? X509_VERIFY_PARAM_set1_ip_asc(rules, host_.c_str())
                                    : X509_VERIFY_PARAM_set1_host(rules, host_.data(), host_.size())) == 1;
        }
        if (!good)
            detail::throw_tls_settings("the host " + printable(host_, 253) + " cannot be asked for");
        if (!context_.state_->tlsa.empty())
            use_tlsa(address);
    }

    void use_tlsa(bool address)
    {
        auto const& records = context_.state_->tlsa;
        if (address || SSL_dane_enable(ssl_.get(), host_.c_str()) != 1)
            detail::throw_tls_settings("TLSA records are about names, and this is none: " + printable(host_, 253));
        SSL_dane_set_flags(ssl_.get(), DANE_FLAG_NO_DANE_EE_NAMECHECKS); // RFC 7672, 3.1.1
        int usable = 0;
        for (auto const& r : records)
        {
            auto const* const data = reinterpret_cast<unsigned char const*>(r.data.data());
            usable += SSL_dane_tlsa_add(ssl_.get(), r.usage, r.selector, r.matching, data, r.data.size()) > 0 ? 1 : 0;
        }
        if (usable == 0)
            detail::throw_tls_settings("none of the TLSA records can be used: " + detail::take_openssl_errors(),
                                       "check selector, matching type and the length of the data");
    }

    // ---- OpenSSL's side of the two buffers; no exception may cross it

    static BIO_METHOD* method()
    {
        // Never destroyed: connections may live until the process ends.
        static BIO_METHOD* const made = [] {
            BIO_METHOD* const m =
                BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "posthorn buffers");
            if (m == nullptr)
                throw std::bad_alloc();
            BIO_meth_set_read_ex(m, &take_input);
            BIO_meth_set_write_ex(m, &give_output);
            BIO_meth_set_ctrl(m, &control);
            return m;
        }();
        return made;
    }

    static int take_input(BIO* bio, char* into, std::size_t size, std::size_t* taken)
    {
        auto& self = *static_cast<tls_engine*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        *taken = std::min(size, self.input_.size());
        if (*taken == 0)
        {
            BIO_set_retry_read(bio);
            return 0;
        }
        std::memcpy(into, self.input_.data().data(), *taken);
        self.input_.consume(*taken);
        return 1;
    }

    static int give_output(BIO* bio, char const* from, std::size_t size, std::size_t* given)
    {
        auto& self = *static_cast<tls_engine*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        try
        {
            self.output_.append(std::string_view(from, size));
        }
        catch (...)
        {
            self.out_of_memory_ = true;
            return 0;
        }
        *given = size;
        return 1;
    }

    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    // ---- outcome of a call of OpenSSL

    bool usable(std::error_code& ec) const
    {
        ec = failure_ ? failure_->code : std::error_code();
        return failure_ == nullptr;
    }

    bool open(std::error_code& ec) const
    {
        if (!established_)
            ec = posthorn::errc::bad_sequence;
        return established_;
    }

    tls_status fail(std::error_code& ec, std::error_code code, std::string detail = {}, std::string hint = {})
    {
        failure_ = std::make_unique<failure>(failure{code, std::move(detail), std::move(hint)});
        if (offered_ && !established_)
            context_.state_->sessions.drop(session_key_); // in case it was the session that did it
        ec = code;
        return tls_status::closed;
    }

    /// What to do after OpenSSL did not do what it was asked for.
    tls_status stopped(int result, std::error_code& ec)
    {
        if (failure_) // by a check of the certificate
        {
            failure const f = *failure_;
            return fail(ec, f.code, f.detail, f.hint);
        }
        if (out_of_memory_)
            return fail(ec, std::make_error_code(std::errc::not_enough_memory));
        int const reason = SSL_get_error(ssl_.get(), result);
        if (reason == SSL_ERROR_WANT_READ)
        {
            if (!eof_)
                return tls_status::want_read;
            if (established_)
                return fail(ec, tls_errc::truncated, "the peer closed the connection without close_notify");
            return fail(ec, tls_errc::truncated, "the peer closed the connection during the handshake",
                        "the peer may not speak TLS here, or may not like this client: its log knows");
        }
        if (reason == SSL_ERROR_ZERO_RETURN)
        {
            if (established_)
                return tls_status::closed;
            return fail(ec, tls_errc::closed, "the peer ended TLS during the handshake");
        }
        auto found = detail::take_openssl_failure();
        if (found.alert >= 0)
            return fail(ec, found.code,
                        "the peer sent the alert " + std::to_string(found.alert) + " (" +
                            std::string(detail::alert_name(found.alert)) + ')',
                        hint_for_alert(found.alert));
        if (found.code == tls_errc::protocol_version)
            return fail(ec, found.code, std::move(found.text) + "; here " + allowed_versions(),
                        hint_for_version());
        if (found.code == tls_errc::no_certificate)
            return fail(ec, found.code, std::move(found.text), "client_auth requires one");
        if (found.code == tls_errc::handshake_failed && established_)
            found.code = tls_errc::protocol_error;
        return fail(ec, found.code, std::move(found.text));
    }

    std::string allowed_versions() const
    {
        auto const& state = *context_.state_;
        if (state.minimum_version == tls_version::tls_1_3)
            return "only TLS 1.3 is allowed";
        return state.maximum_version == tls_version::tls_1_2 ? "only TLS 1.2 is allowed"
                                                             : "TLS 1.2 and 1.3 are allowed";
    }

    std::string hint_for_version() const
    {
        auto const& state = *context_.state_;
        if (state.minimum_version == tls_version::tls_1_3)
            return "the peer may know TLS 1.2 only: lower minimum_version";
        if (state.maximum_version == tls_version::tls_1_2)
            return "the peer may want TLS 1.3: raise maximum_version";
        return "the peer is too old: TLS 1.0 and 1.1 are not spoken any more (RFC 8996)";
    }

    std::string hint_for_alert(int alert) const
    {
        switch (alert)
        {
        case 116: return "give a client certificate with certificate_file and key_file";
        case 40:
            return is_client() && !context_.state_->has_certificate
                       ? "the peer may want a client certificate, or other ciphers"
                       : "the peer may want other ciphers";
        case 42:
        case 43:
        case 44:
        case 45:
        case 46: return "the peer does not like our certificate";
        case 48: return "the peer does not trust the authority of our certificate";
        case 70: return hint_for_version();
        case 112: return "the peer serves no host called " + printable(host_, 253);
        case 120: return "the peer speaks none of the protocols in alpn";
        default: return {};
        }
    }

    // ---- before the handshake

    /// Tells plain text from TLS, where OpenSSL would speak of a wrong version number.
    tls_status look_at_first_bytes(std::error_code& ec)
    {
        if (looked_ || input_.empty())
            return tls_status::done;
        std::string_view const got  = input_.data();
        auto const             type = static_cast<unsigned char>(got[0]);
        // RFC 8446, 5.1: a handshake message or an alert comes first, in a record of version 3.x.
        bool good = type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT;
        if (good && got.size() == 1)
        {
            if (!eof_)
                return tls_status::want_read;
        }
        else
            good = good && got[1] == SSL3_VERSION_MAJOR;
        if (good)
        {
            looked_ = true;
            return tls_status::done;
        }
        std::string_view const line = got.substr(0, std::min(got.find_first_of("\r\n"), got.size()));
        bool const text = !line.empty() && !ascii::has_control(line) && !ascii::has_eight_bit(line);
        if (!text)
            return fail(ec, tls_errc::not_tls,
                        "the peer sent \"" + printable(got, 16) + "\", which is no TLS");
        return fail(ec, tls_errc::not_tls, "the peer sent plain text: \"" + printable(line, 100) + '"',
                    is_client()
                        ? "this port does not begin with TLS: use STARTTLS, or the port for implicit TLS"
                        : "the client must be set to begin with TLS");
    }

    // ---- certificates

    bool verify(X509_STORE_CTX* chain) noexcept override
    {
        try
        {
            if (context_.state_->verify_peer)
            {
                if (context_.state_->tolerate)
                    X509_STORE_CTX_set_verify_cb(chain, &detail::tls_context_state::on_check);
                if (X509_verify_cert(chain) <= 0)
                {
                    explain_failed_check(chain);
                    return false;
                }
            }
            return context_.state_->pins.empty() || has_pinned_key(chain);
        }
        catch (...)
        {
            out_of_memory_ = true;
            X509_STORE_CTX_set_error(chain, X509_V_ERR_OUT_OF_MEM);
            return false;
        }
    }

    bool tolerates(X509_STORE_CTX* chain) noexcept override
    {
        certificate_flaw flaw {};
        switch (detail::tls_code_of_check(X509_STORE_CTX_get_error(chain)))
        {
        case tls_errc::host_name_mismatch: flaw = certificate_flaw::wrong_host; break;
        case tls_errc::expired: flaw = certificate_flaw::expired; break;
        case tls_errc::not_yet_valid: flaw = certificate_flaw::not_yet_valid; break;
        default: return false;
        }
        try
        {
            bool const accepted = context_.state_->tolerate(flaw);
            flawed_             = flawed_ || accepted;
            return accepted;
        }
        catch (...)
        {
            return false;
        }
    }

    bool has_pinned_key(X509_STORE_CTX* chain)
    {
        X509 const* const peer     = X509_STORE_CTX_get0_cert(chain);
        auto const&       pins     = context_.state_->pins;
        auto const        is_known = [&](X509 const* certificate) {
            auto const digest = detail::spki_digest(certificate);
            return digest && std::find(pins.begin(), pins.end(), *digest) != pins.end();
        };
        if (is_known(peer))
            return true;
        // Others count only if they were verified: anybody can send along somebody's certificate.
        STACK_OF(X509)
        const* const verified = context_.state_->verify_peer ? X509_STORE_CTX_get0_chain(chain) : nullptr;
        for (int i = 0; verified != nullptr && i < sk_X509_num(verified); ++i)
            if (is_known(sk_X509_value(verified, i)))
                return true;
        auto const      about = detail::describe(peer);
        std::error_code ignored;
        fail(ignored, tls_errc::pin_mismatch,
             "none of " + std::to_string(pins.size()) + " pins fits; the peer's key is sha256//" +
                 about.spki_sha256 + "; " + text_of(about, 0),
             "if the peer has changed its key on purpose, pin the new one");
        X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
        return false;
    }

    void explain_failed_check(X509_STORE_CTX* chain)
    {
        int const   check   = X509_STORE_CTX_get_error(chain);
        int const   depth   = X509_STORE_CTX_get_error_depth(chain);
        X509 const* current = X509_STORE_CTX_get_current_cert(chain);
        if (current == nullptr)
            current = X509_STORE_CTX_get0_cert(chain);
        auto const  about = detail::describe(current);
        auto        code  = detail::tls_code_of_check(check);
        std::string what  = X509_verify_cert_error_string(check);
        std::string hint;
        switch (code)
        {
        case tls_errc::host_name_mismatch:
            what = about.names.empty() ? "it names no host (the common name does not count)"
                                       : "it is for " + list_of(about.names);
            what += ", not for " + printable(host_, 253);
            hint = "connect by a name of the certificate, or give the name to verify";
            break;
        case tls_errc::expired:
            what = "it expired on " + detail::time_text(about.not_after);
            hint = "the peer must renew it, unless the local clock is wrong";
            break;
        case tls_errc::not_yet_valid:
            what = "it is valid from " + detail::time_text(about.not_before);
            hint = "check the local clock";
            break;
        case tls_errc::self_signed:
            hint = "if it is the right one, give it with ca_file, or pin its key with verify_peer off: " +
                   about.spki_sha256;
            break;
        case tls_errc::dane_mismatch:
            what = "none of " + std::to_string(context_.state_->tlsa.size()) + " TLSA records fits; `3 1 1` would be " +
                   codec::hex_encode(codec::base64_decode(about.spki_sha256).value_or(std::string()));
            hint = "the records may be older than the certificate, or this is not the right peer";
            break;
        case tls_errc::untrusted:
            hint = check == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
                       ? "give this authority's certificate with ca_file"
                       : "give the certificate of this issuer with ca_file, unless the peer forgot to send "
                         "an intermediate one";
            break;
        default: break;
        }
        std::error_code ignored;
        fail(ignored, code, std::move(what) + "; " + text_of(about, depth), std::move(hint));
    }

    static std::string list_of(std::vector<std::string> const& names)
    {
        static constexpr std::size_t most = 10;
        std::string                  text;
        for (std::size_t i = 0; i != std::min(names.size(), most); ++i)
            text += (i == 0 ? "" : ", ") + names[i];
        if (names.size() > most)
            text += " and " + std::to_string(names.size() - most) + " more";
        return text;
    }

    static std::string text_of(tls_certificate const& c, int depth)
    {
        return "certificate at depth " + std::to_string(depth) + ": subject \"" + c.subject +
               "\", issuer \"" + c.issuer + '"';
    }

    tls_status accept_peer(std::error_code& ec)
    {
        auto const& state    = *context_.state_;
        bool const  has_peer = SSL_get0_peer_certificate(ssl_.get()) != nullptr;
        bool const  passed   = has_peer && SSL_get_verify_result(ssl_.get()) == X509_V_OK;
        // Ciphers without authentication skip the check, and resumption takes it from the session.
        if (is_client() && (state.verify_peer || !state.pins.empty()) && !has_peer)
            return fail(ec, tls_errc::no_certificate, "", "allow only ciphers that authenticate the peer");
        if (is_client() && state.verify_peer && !passed)
            return fail(ec, tls_errc::certificate_rejected,
                        X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get())));
        verified_    = state.verify_peer && passed && !flawed_;
        established_ = true;
        return tls_status::done;
    }

    bool keep_session(SSL_SESSION* session) noexcept override
    {
        if (session_key_.empty() || flawed_)
            return false;
        detail::ssl_session_handle owned(session);
        try
        {
            context_.state_->sessions.put(session_key_, std::move(owned));
        }
        catch (...)
        {
            // Without memory nothing is remembered; the connection goes on.
        }
        return true;
    }

    // ---- data

    std::size_t encrypt(std::string_view plain)
    {
        std::size_t total = 0;
        while (total != plain.size())
        {
            std::size_t n      = 0;
            int const   result = SSL_write_ex(ssl_.get(), plain.data() + total, plain.size() - total, &n);
            if (result != 1)
            {
                std::error_code ignored;
                stopped(result, ignored);
                break;
            }
            total += n;
        }
        return total;
    }

    void encrypt_deferred()
    {
        std::size_t const n = encrypt(deferred_.data());
        deferred_.consume(n);
        if (deferred_.empty())
            deferred_.wipe(); // it may have been a password
    }

    tls_context                       context_;
    byte_buffer                       input_;
    byte_buffer                       output_;
    byte_buffer                       deferred_; ///< Plaintext that could not be encrypted yet.
    std::string                       host_;
    std::string                       session_key_;
    std::unique_ptr<failure>          failure_;
    mutable std::unique_ptr<tls_info> info_;
    tls_role                          role_;
    bool                              looked_        = false;
    bool                              offered_       = false;
    bool                              established_   = false;
    bool                              verified_      = false;
    bool                              flawed_        = false; ///< Something was tolerated.
    bool                              shut_down_     = false;
    bool                              eof_           = false;
    bool                              out_of_memory_ = false;
    detail::ssl_handle                ssl_; ///< Last, so that it goes before what it uses.
};

} // namespace posthorn::net

#endif
