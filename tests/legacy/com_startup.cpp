//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Starting COM on threads, the registry of classes, factories.

#include <imnxport.h>

#include <posthorn/legacy/detail/class_registry.hpp>
#include <posthorn/legacy/detail/unknown.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <future>
#include <new>
#include <thread>
#include <vector>

TEST_SUITE_BEGIN("legacy/com_startup");

namespace {

namespace detail = posthorn::legacy::detail;

/// Each case starts with a thread on which nothing was started.
void on_a_new_thread(std::function<void()> const& steps)
{
    std::async(std::launch::async, steps).get();
}

/// COM started on the calling thread.
struct started
{
    started() { REQUIRE(SUCCEEDED(CoInitialize(nullptr))); }
    started(started const&)            = delete;
    started& operator=(started const&) = delete;
    ~started() { CoUninitialize(); }
};

CLSID const CLSID_Sample = {0x7A0CDB3A, 0x0FD5, 0x4C71, {0x96, 0x5E, 0x4D, 0xA4, 0x2B, 0x58, 0x27, 0x11}};
CLSID const CLSID_Broken = {0x7A0CDB3A, 0x0FD5, 0x4C71, {0x96, 0x5E, 0x4D, 0xA4, 0x2B, 0x58, 0x27, 0x12}};
CLSID const CLSID_Nobody = {0x7A0CDB3A, 0x0FD5, 0x4C71, {0x96, 0x5E, 0x4D, 0xA4, 0x2B, 0x58, 0x27, 0x13}};

/// An object that tells whether it lives.
class sample final : public detail::unknown<IPropFindMultiResponse>
{
public:
    static inline int alive = 0;

    sample() { ++alive; }
    STDMETHODIMP_(BOOL) IsComplete() override { return TRUE; }
    STDMETHODIMP GetLength(ULONG*) override { return E_NOTIMPL; }
    STDMETHODIMP GetResponse(ULONG, IPropFindResponse**) override { return E_NOTIMPL; }

private:
    ~sample() override { --alive; }
};

/// One whose making fails.
class broken final : public detail::unknown<IPropFindMultiResponse>
{
public:
    broken() { throw std::bad_alloc(); }
    STDMETHODIMP_(BOOL) IsComplete() override { return FALSE; }
    STDMETHODIMP GetLength(ULONG*) override { return E_NOTIMPL; }
    STDMETHODIMP GetResponse(ULONG, IPropFindResponse**) override { return E_NOTIMPL; }
};

template <class Object>
HRESULT make(REFIID riid, void** object)
{
    return detail::make_object<Object>(riid, object);
}

detail::class_registration const register_sample(CLSID_Sample, make<sample>);
detail::class_registration const register_broken(CLSID_Broken, make<broken>);

IUnknown* const some_object = reinterpret_cast<IUnknown*>(16);

} // namespace

TEST_CASE("COM starts once, says so the second time, and ends with the last end")
{
    on_a_new_thread([] {
        void* object = nullptr;
        auto  create = [&] { return CoCreateInstance(CLSID_Nobody, nullptr, CLSCTX_ALL, IID_IUnknown, &object); };
        CHECK(create() == CO_E_NOTINITIALIZED);
        CHECK(CoInitialize(nullptr) == S_OK);
        CHECK(CoInitialize(nullptr) == S_FALSE);
        CHECK(CoInitializeEx(nullptr, COINIT_APARTMENTTHREADED | COINIT_DISABLE_OLE1DDE) == S_FALSE);
        CHECK(OleInitialize(nullptr) == S_FALSE);
        CHECK(create() == REGDB_E_CLASSNOTREG);
        OleUninitialize();
        CoUninitialize();
        CoUninitialize();
        CHECK(create() == REGDB_E_CLASSNOTREG);
        CoUninitialize();
        CHECK(create() == CO_E_NOTINITIALIZED);
        CoUninitialize(); // one too many does nothing
        CHECK(create() == CO_E_NOTINITIALIZED);
        CHECK(CoInitialize(nullptr) == S_OK);
        CoUninitialize();
    });
}

TEST_CASE("the way of a thread cannot change while COM runs on it")
{
    on_a_new_thread([] {
        CHECK(CoInitialize(nullptr) == S_OK);
        CHECK(CoInitializeEx(nullptr, COINIT_MULTITHREADED) == RPC_E_CHANGED_MODE);
        CoUninitialize(); // the refused one did not count
        CHECK(CoInitializeEx(nullptr, COINIT_MULTITHREADED) == S_OK);
        CHECK(CoInitialize(nullptr) == RPC_E_CHANGED_MODE);
        CHECK(CoInitializeEx(nullptr, COINIT_MULTITHREADED) == S_FALSE);
        CoUninitialize();
        CoUninitialize();
        CHECK(CoInitialize(nullptr) == S_OK);
        CoUninitialize();
    });
}

TEST_CASE("arguments of CoInitialize")
{
    on_a_new_thread([] {
        int something = 0;
        CHECK(CoInitialize(&something) == E_INVALIDARG);
        CHECK(CoInitializeEx(&something, COINIT_MULTITHREADED) == E_INVALIDARG);
        CHECK(CoInitializeEx(nullptr, 0x100) == E_INVALIDARG);
        CHECK(CoInitializeEx(nullptr, COINIT_APARTMENTTHREADED | COINIT_SPEED_OVER_MEMORY) == S_OK);
        CoUninitialize();
    });
}

TEST_CASE("a multithreaded thread carries those that started nothing, as long as it lives")
{
    on_a_new_thread([] {
        void* object = nullptr;
        auto  create = [&] { return CoCreateInstance(CLSID_Nobody, nullptr, CLSCTX_ALL, IID_IUnknown, &object); };
        CHECK(create() == CO_E_NOTINITIALIZED);
        {
            std::promise<void> enough;
            std::promise<void> ready;
            std::thread        other([&] {
                static_cast<void>(CoInitializeEx(nullptr, COINIT_MULTITHREADED));
                ready.set_value();
                enough.get_future().wait();
                // and ends without CoUninitialize
            });
            ready.get_future().wait();
            CHECK(create() == REGDB_E_CLASSNOTREG);
            enough.set_value();
            other.join();
        }
        CHECK(create() == CO_E_NOTINITIALIZED);
    });
}

TEST_CASE("objects are made by class and interface")
{
    started const com;
    void*         object = nullptr;
    REQUIRE(CoCreateInstance(CLSID_Sample, nullptr, CLSCTX_INPROC_SERVER, IID_IPropFindMultiResponse, &object) == S_OK);
    CHECK(sample::alive == 1);
    auto* const made = static_cast<IPropFindMultiResponse*>(object);
    CHECK(made->IsComplete() == TRUE);

    // One object, one IUnknown, whatever one asks.
    void *first = nullptr, *second = nullptr;
    CHECK(made->QueryInterface(IID_IUnknown, &first) == S_OK);
    CHECK(static_cast<IUnknown*>(first)->QueryInterface(IID_IUnknown, &second) == S_OK);
    CHECK(first == second);
    CHECK(made->QueryInterface(IID_IStream, &second) == E_NOINTERFACE);
    CHECK(second == nullptr);
    CHECK(made->QueryInterface(IID_IUnknown, nullptr) == E_POINTER);

    CHECK(made->AddRef() == 4);
    CHECK(made->Release() == 3);
    CHECK(made->Release() == 2);
    CHECK(made->Release() == 1);
    CHECK(sample::alive == 1);
    CHECK(made->Release() == 0);
    CHECK(sample::alive == 0);
}

TEST_CASE("an object without the interface wanted does not stay")
{
    started const com;
    void*         object = &object;
    CHECK(CoCreateInstance(CLSID_Sample, nullptr, CLSCTX_ALL, IID_IStream, &object) == E_NOINTERFACE);
    CHECK(object == nullptr);
    CHECK(sample::alive == 0);
}

TEST_CASE("what CoCreateInstance refuses")
{
    started const com;
    void*         object = &object;
    CHECK(CoCreateInstance(CLSID_Sample, nullptr, CLSCTX_ALL, IID_IUnknown, nullptr) == E_POINTER);
    CHECK(CoCreateInstance(CLSID_Sample, some_object, CLSCTX_ALL, IID_IUnknown, &object) == CLASS_E_NOAGGREGATION);
    CHECK(object == nullptr);
    CHECK(CoCreateInstance(CLSID_Nobody, some_object, CLSCTX_ALL, IID_IUnknown, &object) == REGDB_E_CLASSNOTREG);
    CHECK(CoCreateInstance(CLSID_Sample, nullptr, CLSCTX_LOCAL_SERVER, IID_IUnknown, &object) == REGDB_E_CLASSNOTREG);
    CHECK(CoCreateInstance(CLSID_Broken, nullptr, CLSCTX_ALL, IID_IUnknown, &object) == E_OUTOFMEMORY);
    CHECK(object == nullptr);
    CHECK(sample::alive == 0);
}

TEST_CASE("a factory makes many of a class")
{
    started const com;
    void*         object = nullptr;
    REQUIRE(CoGetClassObject(CLSID_Sample, CLSCTX_INPROC_SERVER, nullptr, IID_IClassFactory, &object) == S_OK);
    auto* const factory = static_cast<IClassFactory*>(object);
    CHECK(factory->LockServer(TRUE) == S_OK);
    CHECK(factory->LockServer(FALSE) == S_OK);

    void *one = nullptr, *other = nullptr;
    CHECK(factory->CreateInstance(nullptr, IID_IPropFindMultiResponse, &one) == S_OK);
    CHECK(factory->CreateInstance(nullptr, IID_IUnknown, &other) == S_OK);
    CHECK(sample::alive == 2);
    CHECK(one != other);
    static_cast<IUnknown*>(one)->Release();
    static_cast<IUnknown*>(other)->Release();
    CHECK(factory->CreateInstance(some_object, IID_IUnknown, &one) == CLASS_E_NOAGGREGATION);
    CHECK(one == nullptr);
    CHECK(factory->CreateInstance(nullptr, IID_IStream, &one) == E_NOINTERFACE);
    CHECK(factory->CreateInstance(nullptr, IID_IUnknown, nullptr) == E_POINTER);
    CHECK(factory->Release() == 0);
    CHECK(sample::alive == 0);
}

TEST_CASE("what CoGetClassObject refuses")
{
    void* object = &object;
    on_a_new_thread([&] {
        CHECK(CoGetClassObject(CLSID_Sample, CLSCTX_ALL, nullptr, IID_IClassFactory, &object) == CO_E_NOTINITIALIZED);
    });
    CHECK(object == nullptr);
    started const com;
    CHECK(CoGetClassObject(CLSID_Sample, CLSCTX_ALL, &object, IID_IClassFactory, &object) == E_INVALIDARG);
    CHECK(CoGetClassObject(CLSID_Sample, CLSCTX_ALL, nullptr, IID_IStream, &object) == E_NOINTERFACE);
    CHECK(CoGetClassObject(CLSID_Nobody, CLSCTX_ALL, nullptr, IID_IClassFactory, &object) == REGDB_E_CLASSNOTREG);
    CHECK(CoGetClassObject(CLSID_Sample, CLSCTX_ALL, nullptr, IID_IClassFactory, nullptr) == E_POINTER);
}

TEST_CASE("a class is known as long as its registration lives, and a younger one goes first")
{
    started const com;
    void*         object = nullptr;
    auto const    create = [&] { return CoCreateInstance(CLSID_Sample, nullptr, CLSCTX_ALL, IID_IUnknown, &object); };
    {
        detail::class_registration const younger(CLSID_Sample, make<broken>);
        detail::class_registration const third(CLSID_Nobody, make<broken>);
        CHECK(create() == E_OUTOFMEMORY);
        CHECK(CoCreateInstance(CLSID_Nobody, nullptr, CLSCTX_ALL, IID_IUnknown, &object) == E_OUTOFMEMORY);
    }
    CHECK(CoCreateInstance(CLSID_Nobody, nullptr, CLSCTX_ALL, IID_IUnknown, &object) == REGDB_E_CLASSNOTREG);
    REQUIRE(create() == S_OK);
    static_cast<IUnknown*>(object)->Release();
}

TEST_CASE("references are counted from many threads")
{
    auto* const shared = new sample;
    {
        std::vector<std::thread> threads;
        for (int i = 0; i != 4; ++i)
        {
            shared->AddRef();
            threads.emplace_back([shared] {
                for (int n = 0; n != 1000; ++n)
                {
                    shared->AddRef();
                    shared->Release();
                }
                shared->Release();
            });
        }
        for (auto& thread : threads)
            thread.join();
    }
    CHECK(sample::alive == 1);
    CHECK(shared->Release() == 0);
    CHECK(sample::alive == 0);
}

TEST_CASE("HTTPMail and its requests can be made; the account manager is declared only")
{
    started const com;
    void*         object = nullptr;
    for (CLSID const& id : {CLSID_IHTTPMailTransport, CLSID_IPropFindRequest, CLSID_IPropPatchRequest})
    {
        REQUIRE(CoCreateInstance(id, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, &object) == S_OK);
        static_cast<IUnknown*>(object)->Release();
    }
    CHECK(CoCreateInstance(CLSID_ImnAccountManager, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, &object) == REGDB_E_CLASSNOTREG);
    CHECK(object == nullptr);
}

TEST_SUITE_END();
