//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Trust, keys and remembered sessions, loaded once and shared by any number of connections.

#ifndef POSTHORN_NET_TLS_CONTEXT_HPP
#define POSTHORN_NET_TLS_CONTEXT_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/net/detail/tls_handles.hpp>
#include <posthorn/net/detail/tls_windows.hpp>
#include <posthorn/net/tls_error.hpp>
#include <posthorn/net/tls_info.hpp>
#include <posthorn/net/tls_settings.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <climits>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::net {

namespace detail {

/// What a context calls back on a connection. It is found through the application data of the SSL object.
class tls_callbacks
{
public:
    virtual bool verify(X509_STORE_CTX* chain) noexcept      = 0;
    virtual bool tolerates(X509_STORE_CTX* chain) noexcept   = 0;
    virtual bool keep_session(SSL_SESSION* session) noexcept = 0; ///< @return whether it was taken over

protected:
    ~tls_callbacks() = default;
};

/** Sessions to resume, the newest first.

    TLS 1.3 tickets are given out once (RFC 8446, C.4), so several are kept for each key.
*/
class tls_session_cache
{
public:
    explicit tls_session_cache(std::size_t most) : most_(most) {}

    /// @return A session that can be resumed now, or null.
    ssl_session_handle take(std::string_view key)
    {
        std::lock_guard const lock(mutex_);
        for (auto i = entries_.begin(); i != entries_.end();)
        {
            if (i->key != key)
            {
                ++i;
                continue;
            }
            if (!usable(i->session.get()))
            {
                i = entries_.erase(i);
                continue;
            }
            ssl_session_handle found;
            if (SSL_SESSION_get_protocol_version(i->session.get()) >= TLS1_3_VERSION)
            {
                found = std::move(i->session);
                entries_.erase(i);
            }
            else if (SSL_SESSION_up_ref(i->session.get()) == 1)
                found.reset(i->session.get());
            return found;
        }
        return nullptr;
    }

    void put(std::string key, ssl_session_handle session)
    {
        if (most_ == 0)
            return;
        std::lock_guard const lock(mutex_);
        bool const            single = SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION;
        std::size_t           alike  = 0;
        entries_.push_front({std::move(key), std::move(session)});
        for (auto i = std::next(entries_.begin()); i != entries_.end();)
        {
            bool const drop = i->key == entries_.front().key && (single || ++alike == most_per_key);
            i               = drop ? entries_.erase(i) : std::next(i);
        }
        if (entries_.size() > most_)
            entries_.pop_back();
    }

    /// Forgets what was remembered: after a handshake that used it failed.
    void drop(std::string_view key)
    {
        std::lock_guard const lock(mutex_);
        entries_.remove_if([&](entry const& e) { return e.key == key; });
    }

    std::size_t size() const
    {
        std::lock_guard const lock(mutex_);
        return entries_.size();
    }

private:
    static constexpr std::size_t most_per_key = 8;

    struct entry
    {
        std::string        key;
        ssl_session_handle session;
    };

    // Resuming skips the check of the certificate, so the certificate must not have expired meanwhile.
    static bool usable(SSL_SESSION* session) noexcept
    {
        X509 const* const peer = SSL_SESSION_get0_peer(session);
        return SSL_SESSION_is_resumable(session) == 1 &&
               (peer == nullptr || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0);
    }

    mutable std::mutex mutex_;
    std::list<entry>   entries_;
    std::size_t        most_;
};

/** The authorities the system trusts, loaded when first needed and shared by the whole process.

    Never destroyed, since threads may still use it while the process ends.
*/
inline x509_store_handle load_system_authorities()
{
    openssl_errors_guard const clean;
    x509_store_handle          store(X509_STORE_new());
    if (!store)
        return store;
    X509_STORE_set_default_paths(store.get()); // obeys SSL_CERT_FILE and SSL_CERT_DIR
    std::error_code ignored;
    auto const      there = [&](char const* variable, char const* fallback) {
        char const* const set = std::getenv(variable);
        return std::filesystem::exists(set == nullptr ? fallback : set, ignored);
    };
    if (there(X509_get_default_cert_file_env(), X509_get_default_cert_file()) ||
        there(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()))
        return store;
#if defined(_WIN32)
    add_windows_authorities(*store);
#endif
    // An OpenSSL built elsewhere looks in places that do not exist here.
    for (char const* const file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                   "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
        if (X509_STORE_load_file(store.get(), file) == 1)
            break;
    return store;
}

inline X509_STORE* system_authorities()
{
    static X509_STORE* const store = load_system_authorities().release();
    return store;
}

[[noreturn]] inline void throw_tls_settings(std::string detail, std::string hint = {})
{
    error_context context;
    context.phase  = "TLS settings";
    context.detail = std::move(detail);
    context.hint   = std::move(hint);
    throw error(tls_errc::configuration, std::move(context));
}

/// A PEM text together with a name for error texts.
struct pem_input
{
    bio_handle  bio;
    std::string name;

    static pem_input file(std::filesystem::path const& path, char const* what)
    {
        openssl_errors_guard const clean;
        pem_input in{bio_handle(BIO_new_file(path.string().c_str(), "rb")), printable(path.string())};
        if (!in.bio)
            throw_tls_settings(std::string(what) + ' ' + in.name +
                               " cannot be opened: " + openssl_reason(ERR_peek_error()));
        return in;
    }

    static pem_input text(std::string_view text, char const* name)
    {
        bool const fits = text.size() <= std::size_t{INT_MAX};
        pem_input in{bio_handle(fits ? BIO_new_mem_buf(text.data(), static_cast<int>(text.size())) : nullptr),
                     name};
        if (!in.bio)
            throw_tls_settings(in.name + " cannot be read");
        return in;
    }

    std::vector<x509_handle> certificates()
    {
        openssl_errors_guard const clean;
        std::vector<x509_handle>   all;
        // The function for passwords keeps OpenSSL from asking at the terminal.
        while (X509* const one = PEM_read_bio_X509_AUX(bio.get(), nullptr, &no_password, nullptr))
            all.emplace_back(one);
        unsigned long const last = ERR_peek_last_error();
        bool const end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
        if (!end)
            throw_tls_settings(name + ": a certificate is damaged: " + take_openssl_errors());
        if (all.empty())
            throw_tls_settings(name + " contains no certificate",
                               "PEM is needed: -----BEGIN CERTIFICATE-----");
        return all;
    }

    key_handle key(secret_string const& password)
    {
        openssl_errors_guard const clean;
        password_use               use{password, false};
        key_handle                 key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &give_password, &use));
        if (key)
            return key;
        if (use.asked && password.empty())
            throw_tls_settings(name + ": the key is encrypted", "give key_password");
        if (use.asked)
            throw_tls_settings(name + ": the key cannot be decrypted", "check key_password");
        throw_tls_settings(name + " contains no usable private key: " + take_openssl_errors(),
                           "PEM is needed: -----BEGIN PRIVATE KEY-----");
    }

private:
    struct password_use
    {
        secret_string const& password;
        bool                 asked;
    };

    static int no_password(char*, int, int, void*) { return -1; }

    static int give_password(char* room, int size, int, void* data)
    {
        auto& use       = *static_cast<password_use*>(data);
        use.asked       = true;
        auto const text = use.password.view();
        if (text.empty() || size < 0 || text.size() > static_cast<std::size_t>(size))
            return -1;
        std::memcpy(room, text.data(), text.size());
        return static_cast<int>(text.size());
    }
};

/// What the connections of a context share.
struct tls_context_state
{
    explicit tls_context_state(tls_settings const& s)
        : sessions(s.max_sessions), verify_peer(s.verify_peer), verify_host(s.verify_host),
          resumption(s.resumption), client_auth(s.client_auth), minimum_version(s.minimum_version),
          maximum_version(s.maximum_version), tolerate(s.tolerate)
    {
        openssl_errors_guard const clean;
        context.reset(SSL_CTX_new(TLS_method()));
        if (!context)
            throw_tls_settings("OpenSSL cannot be used: " + take_openssl_errors());
        SSL_CTX* const c = context.get();
        SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_clear_options(c, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                                     SSL_OP_LEGACY_SERVER_CONNECT);
        SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_dh_auto(c, 1);
        SSL_CTX_set_cert_verify_callback(c, &on_verify, nullptr);
        set_versions();
        set_ciphers(s);
        set_alpn(s.alpn);
        set_resumption();
        set_trust(s);
        set_certificate(s);
        set_pins(s.pins);
        set_tlsa(s.tlsa);
    }

    tls_context_state(tls_context_state const&)            = delete;
    tls_context_state& operator=(tls_context_state const&) = delete;

    /// Before the first connection that verifies: the bundle of the system takes its time.
    void load_system_authorities()
    {
        if (!trusts_system || !tlsa.empty())
            return;
        std::call_once(system_loaded, [this] {
            if (X509_STORE* const store = system_authorities())
                SSL_CTX_set1_cert_store(context.get(), store);
        });
    }

    ssl_context_handle         context;
    tls_session_cache          sessions;
    std::vector<sha256_digest> pins;
    std::vector<tlsa_record>   tlsa; ///< Those that can be used.
    bool const                 verify_peer;
    bool const                 verify_host;
    bool const                 resumption;
    bool                       has_certificate = false;
    tls_client_auth const      client_auth;
    tls_version const          minimum_version;
    tls_version const          maximum_version;
    std::function<bool(certificate_flaw)> const tolerate;

    /// For X509_STORE_CTX_set_verify_cb(): a flaw that is tolerated is no failure.
    static int on_check(int passed, X509_STORE_CTX* chain)
    {
        auto const* const ssl =
            static_cast<SSL const*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
        if (passed != 1 && callbacks_of(ssl).tolerates(chain))
        {
            X509_STORE_CTX_set_error(chain, X509_V_OK);
            passed = 1;
        }
        return passed;
    }

private:
    static int number_of(tls_version v) noexcept
    {
        return v == tls_version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    }

    static tls_callbacks& callbacks_of(SSL const* ssl) noexcept
    {
        return *static_cast<tls_callbacks*>(SSL_get_app_data(ssl));
    }

    static int on_verify(X509_STORE_CTX* chain, void*)
    {
        auto const* const ssl =
            static_cast<SSL const*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
        return callbacks_of(ssl).verify(chain) ? 1 : 0;
    }

    static int on_session(SSL* ssl, SSL_SESSION* session)
    {
        return callbacks_of(ssl).keep_session(session) ? 1 : 0;
    }

    void set_versions()
    {
        if (minimum_version > maximum_version)
            throw_tls_settings("minimum_version is above maximum_version");
        if (SSL_CTX_set_min_proto_version(context.get(), number_of(minimum_version)) != 1 ||
            SSL_CTX_set_max_proto_version(context.get(), number_of(maximum_version)) != 1)
            throw_tls_settings("OpenSSL does not have these versions of TLS: " + take_openssl_errors());
    }

    void set_ciphers(tls_settings const& s)
    {
        if (!s.ciphers.empty() && SSL_CTX_set_cipher_list(context.get(), s.ciphers.c_str()) != 1)
            throw_tls_settings("ciphers \"" + printable(s.ciphers) + "\": " + take_openssl_errors(),
                               "see `openssl ciphers -tls1_2`");
        if (!s.ciphersuites.empty() && SSL_CTX_set_ciphersuites(context.get(), s.ciphersuites.c_str()) != 1)
            throw_tls_settings("ciphersuites \"" + printable(s.ciphersuites) + "\": " + take_openssl_errors(),
                               "see `openssl ciphers -tls1_3`");
    }

    void set_alpn(std::vector<std::string> const& protocols)
    {
        for (auto const& p : protocols)
        {
            if (p.empty() || p.size() > 255)
                throw_tls_settings("the name of an application protocol has 1 to 255 octets");
            alpn += static_cast<char>(static_cast<unsigned char>(p.size()));
            alpn += p;
        }
        if (alpn.empty())
            return;
        auto const* const wire = reinterpret_cast<unsigned char const*>(alpn.data());
        if (SSL_CTX_set_alpn_protos(context.get(), wire, static_cast<unsigned>(alpn.size())) != 0)
            throw_tls_settings("the application protocols cannot be used");
        SSL_CTX_set_alpn_select_cb(context.get(), &on_alpn, this);
    }

    static int on_alpn(SSL*, unsigned char const** out, unsigned char* size, unsigned char const* offered,
                       unsigned int length, void* data)
    {
        auto const& own   = static_cast<tls_context_state*>(data)->alpn;
        auto*       found = static_cast<unsigned char*>(nullptr);
        int const r = SSL_select_next_proto(&found, size, reinterpret_cast<unsigned char const*>(own.data()),
                                            static_cast<unsigned>(own.size()), offered, length);
        *out        = found;
        return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL; // RFC 7301, 3.2
    }

    void set_resumption()
    {
        SSL_CTX* const                 c    = context.get();
        static constexpr unsigned char id[] = "posthorn";
        SSL_CTX_set_session_id_context(c, id, sizeof id - 1);
        if (!resumption)
        {
            SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
            SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
            SSL_CTX_set_num_tickets(c, 0);
            return;
        }
        // A server remembers nothing: its tickets carry the state.
        SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(c, &on_session);
    }

    void set_trust(tls_settings const& s)
    {
        bool const given = !s.ca_file.empty() || !s.ca_directory.empty() || !s.ca_pem.empty();
        if (!given)
        {
            trusts_system = true;
            return;
        }
        X509_STORE* const store = SSL_CTX_get_cert_store(context.get());
        if (!s.ca_file.empty())
            trust(store, pem_input::file(s.ca_file, "ca_file"));
        if (!s.ca_pem.empty())
            trust(store, pem_input::text(s.ca_pem, "ca_pem"));
        if (!s.ca_directory.empty())
        {
            std::error_code ec;
            auto const      name = s.ca_directory.string();
            if (!std::filesystem::is_directory(s.ca_directory, ec))
                throw_tls_settings("ca_directory " + printable(name) + " is not a directory" +
                                   (ec ? ": " + ec.message() : ""));
            if (X509_STORE_load_path(store, name.c_str()) != 1)
                throw_tls_settings("ca_directory " + printable(name) + ": " + take_openssl_errors());
        }
        if (s.system_authorities && X509_STORE_set_default_paths(store) != 1)
            throw_tls_settings("the system's authorities cannot be loaded: " + take_openssl_errors());
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    }

    void trust(X509_STORE* store, pem_input from)
    {
        for (auto const& certificate : from.certificates())
        {
            // Decodes the extensions now; otherwise the first connections do it, under a lock.
            X509_check_ca(certificate.get());
            if (X509_STORE_add_cert(store, certificate.get()) != 1)
                throw_tls_settings(from.name + ": " + take_openssl_errors());
            if (client_auth != tls_client_auth::none)
                SSL_CTX_add_client_CA(context.get(), certificate.get());
        }
    }

    void set_certificate(tls_settings const& s)
    {
        if (s.certificate_file.empty() && s.certificate_pem.empty())
        {
            if (!s.key_file.empty() || !s.key_pem.empty())
                throw_tls_settings("there is a key but no certificate",
                                   "give certificate_file or certificate_pem");
            return;
        }
        bool const from_file = !s.certificate_file.empty();
        auto const open      = [&] {
            return from_file ? pem_input::file(s.certificate_file, "certificate_file")
                                  : pem_input::text(s.certificate_pem, "certificate_pem");
        };
        auto       certificate = open();
        auto       chain       = certificate.certificates();
        auto       source      = !s.key_file.empty()  ? pem_input::file(s.key_file, "key_file")
                                 : !s.key_pem.empty() ? pem_input::text(s.key_pem.view(), "key_pem")
                                                      : open();
        auto const key         = source.key(s.key_password);

        if (X509_check_private_key(chain.front().get(), key.get()) != 1)
            throw_tls_settings("the key in " + source.name + " does not belong to the certificate in " +
                                   certificate.name + " (" +
                                   name_text(X509_get_subject_name(chain.front().get())) + ')',
                               "the peer's own certificate comes first in its file");
        SSL_CTX* const c = context.get();
        bool           good =
            SSL_CTX_use_certificate(c, chain.front().get()) == 1 && SSL_CTX_use_PrivateKey(c, key.get()) == 1;
        for (std::size_t i = 1; good && i != chain.size(); ++i)
            good = SSL_CTX_add1_chain_cert(c, chain[i].get()) == 1;
        if (!good)
            throw_tls_settings("the certificate in " + certificate.name +
                               " cannot be used: " + take_openssl_errors());
        has_certificate = true;
    }

    void set_pins(std::vector<std::string> const& texts)
    {
        for (std::string_view text : texts)
        {
            std::string_view const whole  = text;
            std::string_view const prefix = "sha256//";
            if (text.substr(0, prefix.size()) == prefix)
                text.remove_prefix(prefix.size());
            auto const octets = codec::base64_decode(text);
            if (!octets || octets->size() != sizeof(sha256_digest))
                throw_tls_settings("the pin \"" + printable(whole, 100) + "\" is not the base64 of a SHA-256",
                                   "tls_certificate::spki_sha256 has the right form");
            std::memcpy(pins.emplace_back().data(), octets->data(), octets->size());
        }
    }

    void set_tlsa(std::vector<tlsa_record> const& records)
    {
        if (records.empty())
            return;
        if (!verify_peer)
            throw_tls_settings("TLSA records are of no use if verify_peer is off");
        for (auto const& r : records)
            if (r.usage == 2 || r.usage == 3)
                tlsa.push_back(r);
        if (tlsa.empty())
            throw_tls_settings("none of the TLSA records has usage 2 or 3, the only ones for mail (RFC 7672, 3.1.3)");
        if (SSL_CTX_dane_enable(context.get()) != 1)
            throw_tls_settings("DANE cannot be used: " + take_openssl_errors());
    }

    std::string    alpn; ///< In wire form.
    std::once_flag system_loaded;
    bool           trusts_system = false;
};

} // namespace detail

/** Trust, keys and remembered sessions for any number of TLS connections, as client or as server.

    Immutable and cheap to copy; copies share one state. Make one and keep it: connections can resume
    sessions only of the same context, and loading authorities takes time.

    @par Thread safety
    May be used by any number of threads at once.
*/
class tls_context
{
public:
    /// The default settings. All contexts made this way share one state. Nothing is loaded before the first
    /// connection.
    tls_context() : state_(shared_default()) {}

    /** Loads what the settings name.

        @throws posthorn::error with tls_errc::configuration, whose text says which setting is wrong and how.
    */
    explicit tls_context(tls_settings const& settings)
        : state_(std::make_shared<detail::tls_context_state>(settings))
    {
    }

    /// The number of sessions that clients could resume.
    std::size_t remembered_sessions() const { return state_->sessions.size(); }

    /// OpenSSL's object, for what is missing here. It must not be changed once a connection exists.
    ssl_ctx_st* native_handle() const noexcept { return state_->context.get(); }

private:
    friend class tls_engine;

    static std::shared_ptr<detail::tls_context_state> const& shared_default()
    {
        // Never destroyed, since threads may still use it while the process ends.
        static auto const* const state = new std::shared_ptr<detail::tls_context_state>(
            std::make_shared<detail::tls_context_state>(tls_settings()));
        return *state;
    }

    std::shared_ptr<detail::tls_context_state> state_;
};

} // namespace posthorn::net

#endif
