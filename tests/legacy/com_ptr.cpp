//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// com_ptr, and result codes as errors.

#include <imnxport.h>

#include <posthorn/core/error.hpp>
#include <posthorn/legacy/com_error.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/class_registry.hpp>
#include <posthorn/legacy/detail/unknown.hpp>

#include <doctest/doctest.h>

#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

TEST_SUITE_BEGIN("legacy/com_ptr");

namespace {

using posthorn::condition;
using posthorn::legacy::check;
using posthorn::legacy::com_error;
using posthorn::legacy::com_ptr;
using posthorn::legacy::create_instance;
using posthorn::legacy::to_error_code;

CLSID const CLSID_Counted = {0x2D6E8D22, 0x5C19, 0x4A7E, {0x8E, 0x7B, 0x3B, 0x1E, 0x0C, 0x55, 0x90, 0x64}};

/// Its count of references can be seen.
class counted final : public posthorn::legacy::detail::unknown<IPropFindRequest, IDAVNamespaceArbiter>
{
public:
    static inline int alive = 0;

    counted() { ++alive; }
    ULONG references()
    {
        AddRef();
        return Release();
    }
    STDMETHODIMP AddNamespace(LPCSTR, DWORD*) override { return E_NOTIMPL; }
    STDMETHODIMP GetNamespaceID(LPCSTR, DWORD*) override { return E_NOTIMPL; }
    STDMETHODIMP GetNamespacePrefix(DWORD, LPSTR*) override { return E_NOTIMPL; }
    STDMETHODIMP AddProperty(DWORD, LPCSTR) override { return E_NOTIMPL; }
    STDMETHODIMP GenerateXML(LPSTR*) override { return E_NOTIMPL; }

private:
    ~counted() override { --alive; }
};

posthorn::legacy::detail::class_registration const
    register_counted(CLSID_Counted, [](REFIID riid, void** object) {
        return posthorn::legacy::detail::make_object<counted>(riid, object);
    });

/// Breaks the rule that a failure leaves NULL behind.
class rude final : public posthorn::legacy::detail::unknown<IDAVNamespaceArbiter>
{
public:
    STDMETHODIMP QueryInterface(REFIID, void** object) override
    {
        *object = reinterpret_cast<void*>(16);
        return E_NOINTERFACE;
    }
    STDMETHODIMP AddNamespace(LPCSTR, DWORD*) override { return E_NOTIMPL; }
    STDMETHODIMP GetNamespaceID(LPCSTR, DWORD*) override { return E_NOTIMPL; }
    STDMETHODIMP GetNamespacePrefix(DWORD, LPSTR*) override { return E_NOTIMPL; }
};

} // namespace

TEST_CASE("holding nothing")
{
    com_ptr<IStream> const empty;
    CHECK_FALSE(empty);
    CHECK(empty == nullptr);
    CHECK(empty.get() == nullptr);
    CHECK(empty == com_ptr<IStream>(nullptr));
    CHECK_FALSE(empty.try_as<IUnknown>());
    CHECK_THROWS_AS(static_cast<void>(empty.as<IUnknown>()), com_error);
    CHECK(com_ptr<IStream>(static_cast<IStream*>(nullptr)) == nullptr);
}

TEST_CASE("references are shared, moved, taken over and handed out")
{
    auto* const raw = new counted;
    {
        auto const owner = com_ptr<IPropFindRequest>::attach(raw);
        CHECK(raw->references() == 1);
        com_ptr<IPropFindRequest> copy = owner;
        CHECK(raw->references() == 2);
        CHECK(copy == owner);
        CHECK(copy == raw);
        CHECK(&*copy == raw);
        com_ptr<IPropFindRequest> moved = std::move(copy);
        CHECK(raw->references() == 2);
        CHECK(copy == nullptr);
        copy  = moved;
        moved = nullptr;
        CHECK(raw->references() == 2);
        copy = *&copy; // to itself
        CHECK(raw->references() == 2);
        IPropFindRequest* const handed = copy.detach();
        CHECK(copy == nullptr);
        CHECK(raw->references() == 2);
        handed->Release();
        com_ptr<IPropFindRequest> const shared(raw);
        CHECK(raw->references() == 2);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a pointer to a base, and back")
{
    auto* const                         raw = new counted;
    com_ptr<IDAVNamespaceArbiter> const base =
        com_ptr<IPropFindRequest>::attach(raw); // no question asked: it derives from it
    CHECK(raw->references() == 1);
    com_ptr<IPropFindRequest> const request = base.as<IPropFindRequest>();
    CHECK(raw->references() == 2);
    CHECK(base.try_as<IUnknown>() != nullptr);
    CHECK(base.try_as<IStream>() == nullptr);
    CHECK(raw->references() == 2);
    static_assert(!std::is_convertible_v<com_ptr<IDAVNamespaceArbiter>, com_ptr<IPropFindRequest>>);
    static_assert(!std::is_convertible_v<IStream*, com_ptr<IStream>>); // whether to add a reference must be said
}

TEST_CASE("an interface that is not there is an error")
{
    auto const s = com_ptr<IPropFindRequest>::attach(new counted);
    try
    {
        static_cast<void>(s.as<IStream>());
        FAIL("no error");
    }
    catch (com_error const& e)
    {
        CHECK(e.result() == E_NOINTERFACE);
        CHECK(std::string(e.what()).find("QueryInterface") != std::string::npos);
        CHECK(std::string(e.what()).find("The object has no such interface.") != std::string::npos);
    }
}

TEST_CASE("an object that leaves rubbish behind a failure does no harm")
{
    auto const s = com_ptr<IDAVNamespaceArbiter>::attach(new rude);
    CHECK(s.try_as<IStream>() == nullptr);
    CHECK_THROWS_AS(static_cast<void>(s.as<IStream>()), com_error);
}

TEST_CASE("put drops what was there")
{
    com_ptr<IPropFindRequest> s = com_ptr<IPropFindRequest>::attach(new counted);
    CHECK(*s.put() == nullptr);
    CHECK(counted::alive == 0);
    REQUIRE(posthorn::legacy::detail::make_object<counted>(IID_IPropFindRequest, s.put_void()) == S_OK);
    CHECK(counted::alive == 1);
    s.reset();
    CHECK(counted::alive == 0);
}

TEST_CASE("objects by class")
{
    REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
    {
        auto const made = create_instance<IPropFindRequest>(CLSID_Counted);
        CHECK(counted::alive == 1);
        CHECK_THROWS_AS(static_cast<void>(create_instance<IStream>(CLSID_Counted)), com_error);
        try
        {
            static_cast<void>(create_instance<IUnknown>(GUID_NULL));
            FAIL("no error");
        }
        catch (posthorn::error const& e)
        {
            CHECK(e.code() == to_error_code(REGDB_E_CLASSNOTREG));
        }
    }
    CHECK(counted::alive == 0);
    CoUninitialize();
}

TEST_CASE("result codes as error codes")
{
    CHECK_FALSE(to_error_code(S_OK));
    CHECK_FALSE(to_error_code(S_FALSE));
    CHECK_FALSE(to_error_code(IXP_S_SMTP_220_READY));
    std::error_code const code = to_error_code(IXP_E_TIMEOUT);
    CHECK(code);
    CHECK(std::string(code.category().name()) == "posthorn.legacy");
    CHECK(code.message() == "The server did not answer in time.");
    CHECK(to_error_code(static_cast<HRESULT>(0x800CCFFFu)).message() == "result 0x800CCFFF");

    CHECK(check(S_FALSE, "IsState") == S_FALSE);
    CHECK_THROWS_AS(check(E_FAIL, "Connect"), com_error);
}

TEST_CASE("result codes mean what other errors mean")
{
    CHECK(to_error_code(IXP_E_TIMEOUT) == condition::timeout);
    CHECK(to_error_code(IXP_E_USER_CANCEL) == condition::canceled);
    CHECK(to_error_code(IXP_E_CANT_FIND_HOST) == condition::unreachable);
    CHECK(to_error_code(IXP_E_SICILY_LOGON_FAILED) == condition::authentication);
    CHECK(to_error_code(IXP_E_INVALID_CERT_CN) == condition::tls);
    CHECK(to_error_code(IXP_E_SMTP_454_STARTTLS_FAILED) == condition::tls);
    CHECK(to_error_code(IXP_E_SMTP_454_STARTTLS_FAILED) == condition::temporary);
    CHECK(to_error_code(IXP_E_SMTP_RESPONSE_ERROR) == condition::protocol);
    for (HRESULT const result : {IXP_E_SMTP_421_NOT_AVAILABLE, IXP_E_SMTP_450_MAILBOX_BUSY,
                                 IXP_E_SMTP_451_ERROR_PROCESSING, IXP_E_SMTP_452_NO_SYSTEM_STORAGE})
    {
        CHECK(to_error_code(result) == condition::temporary);
        CHECK(to_error_code(result) != condition::permanent);
    }
    for (HRESULT const result :
         {IXP_E_SMTP_500_SYNTAX_ERROR, IXP_E_SMTP_501_PARAM_SYNTAX, IXP_E_SMTP_502_COMMAND_NOTIMPL,
          IXP_E_SMTP_503_COMMAND_SEQ, IXP_E_SMTP_504_COMMAND_PARAM_NOTIMPL, IXP_E_SMTP_530_STARTTLS_REQUIRED,
          IXP_E_SMTP_550_MAILBOX_NOT_FOUND, IXP_E_SMTP_551_USER_NOT_LOCAL, IXP_E_SMTP_552_STORAGE_OVERFLOW,
          IXP_E_SMTP_553_MAILBOX_NAME_SYNTAX, IXP_E_SMTP_554_TRANSACT_FAILED})
    {
        CHECK(to_error_code(result) == condition::permanent);
        CHECK(to_error_code(result) != condition::temporary);
    }
    CHECK(to_error_code(E_FAIL) != condition::permanent);
    CHECK(to_error_code(S_OK) != condition::timeout);
    CHECK(to_error_code(IXP_E_TIMEOUT) != condition::tls);
    CHECK(to_error_code(IXP_E_TIMEOUT) != std::errc::timed_out); // only posthorn's own conditions are asked for
}

TEST_SUITE_END();
