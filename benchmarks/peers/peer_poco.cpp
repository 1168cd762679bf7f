//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// POCO: SMTPClientSession, a thread for each connection.

#include "driver.hpp"

#include <Poco/AutoPtr.h>
#include <Poco/Exception.h>
#include <Poco/Net/AcceptCertificateHandler.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/MailRecipient.h>
#include <Poco/Net/SMTPClientSession.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <istream>
#include <memory>
#include <sstream>
#include <string>

namespace net = Poco::Net;

namespace {

std::unique_ptr<net::SMTPClientSession> connect(driver::plan const& p, net::Context::Ptr const& context)
{
    net::SocketAddress const to(p.host, p.port);
    std::unique_ptr<net::SMTPClientSession> s;
    if (p.tls == "implicit")
    {
        net::SecureStreamSocket socket(to, p.host, context);
        socket.setNoDelay(true);
        s = std::make_unique<net::SMTPClientSession>(socket);
    }
    else
    {
        net::StreamSocket socket(to);
        socket.setNoDelay(true);
        s = std::make_unique<net::SMTPClientSession>(socket);
    }
    if (p.auth)
        s->login("load.example.org", net::SMTPClientSession::AUTH_PLAIN, p.user, p.pass);
    else
        s->login("load.example.org");
    return s;
}

} // namespace

int main(int argc, char** argv)
{
    driver::plan const p(argc, argv);
    std::string const  text = p.stream ? std::string() : support::read_file(p.file);
    net::Context::Ptr  context;
    if (p.tls == "starttls")
    {
        std::fprintf(stderr, "only --tls none and implicit\n");
        return 2;
    }
    if (p.tls == "implicit")
    {
        net::initializeSSL();
        context = new net::Context(net::Context::TLS_CLIENT_USE, "", "", p.ca, net::Context::VERIFY_STRICT);
    }
    return driver::run_threads(p, [&](std::size_t n) {
        std::size_t                             accepted = 0;
        std::unique_ptr<net::SMTPClientSession> s;
        net::SMTPClientSession::Recipients      to {p.to};
        try
        {
            for (std::size_t i = 0; i != n; ++i)
            {
                if (!s)
                    s = connect(p, context);
                s->sendAddresses(p.from, to);
                s->sendData();
                if (p.stream)
                {
                    std::ifstream file(p.file, std::ios::binary);
                    s->sendMessage(file);
                }
                else
                {
                    std::istringstream content(text);
                    s->sendMessage(content);
                }
                ++accepted; // a refusal throws
                if (p.reuse)
                    continue;
                s->close();
                s.reset();
            }
            if (s)
                s->close();
        }
        catch (Poco::Exception const& e)
        {
            std::fprintf(stderr, "%s\n", e.displayText().c_str());
        }
        return accepted;
    });
}
