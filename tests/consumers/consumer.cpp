//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What every consumer compiles: the umbrella header, a value from it, and the version it was promised.

#include <posthorn/posthorn.hpp>

#include <cstdio>
#include <string>
#include <string_view>

int main(int argc, char** argv)
{
    if (argc != 2 || std::string_view(argv[1]) != POSTHORN_VERSION_STRING)
    {
        std::printf("this is posthorn %s, not the version that was asked for\n", POSTHORN_VERSION_STRING);
        return 1;
    }
    posthorn::error const e(posthorn::errc::timeout, "no greeting");
    std::puts(e.what());
#if defined(POSTHORN_WITH_GSSAPI)
    posthorn::sasl::gssapi const kerberos({}, "smtp", "mail.example.test"); // the library behind it is linked as well
    std::printf("with %.*s\n", static_cast<int>(kerberos.name().size()), kerberos.name().data());
#endif
    bool const right = e.code() == posthorn::condition::timeout &&
                       std::string_view(e.what()).find("no greeting") != std::string_view::npos;
    return right ? 0 : 1;
}
