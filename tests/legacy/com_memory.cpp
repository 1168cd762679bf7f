//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Memory that crosses interfaces, and blocks that may move.

#include <imnxport.h>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>

TEST_SUITE_BEGIN("legacy/com_memory");

TEST_CASE("memory is given, resized and taken back")
{
    auto* text = static_cast<char*>(CoTaskMemAlloc(6));
    REQUIRE(text != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(text) % alignof(double) == 0);
    std::memcpy(text, "hello", 6);
    text = static_cast<char*>(CoTaskMemRealloc(text, 100'000));
    REQUIRE(text != nullptr);
    CHECK(std::string(text) == "hello");
    CoTaskMemFree(text);

    CoTaskMemFree(nullptr);
}

TEST_CASE("memory of no bytes has an address; resizing nothing gives memory; resizing to nothing frees it")
{
    void* const empty = CoTaskMemAlloc(0);
    CHECK(empty != nullptr);
    CHECK(CoTaskMemRealloc(empty, 0) == nullptr);
    void* const made = CoTaskMemRealloc(nullptr, 10);
    CHECK(made != nullptr);
    CoTaskMemFree(made);
}

TEST_CASE("more than there can be is refused, and what there was stays")
{
    CHECK(CoTaskMemAlloc(SIZE_MAX) == nullptr);
    CHECK(CoTaskMemAlloc(SIZE_MAX / 2) == nullptr);
    auto* const kept = static_cast<char*>(CoTaskMemAlloc(3));
    std::memcpy(kept, "ab", 3);
    CHECK(CoTaskMemRealloc(kept, SIZE_MAX) == nullptr);
    CHECK(std::string(kept) == "ab");
    CoTaskMemFree(kept);
    CHECK(GlobalAlloc(GMEM_MOVEABLE, SIZE_MAX) == nullptr);
    CHECK(GlobalAlloc(GMEM_FIXED, SIZE_MAX) == nullptr);
}

TEST_CASE("the allocator is an object")
{
    IMalloc* allocator = nullptr;
    REQUIRE(CoGetMalloc(1, &allocator) == S_OK);
    REQUIRE(allocator != nullptr);

    void* const memory = allocator->Alloc(12);
    CHECK(allocator->GetSize(memory) == 12);
    CHECK(allocator->GetSize(nullptr) == SIZE_MAX);
    CHECK(allocator->DidAlloc(memory) == -1);
    CHECK(allocator->DidAlloc(nullptr) == -1);
    void* const more = allocator->Realloc(memory, 20);
    CHECK(allocator->GetSize(more) == 20);
    allocator->HeapMinimize();
    CoTaskMemFree(more); // it is the same memory

    void* same = nullptr;
    CHECK(allocator->QueryInterface(IID_IUnknown, &same) == S_OK);
    CHECK(same == allocator);
    CHECK(allocator->QueryInterface(IID_IMalloc, &same) == S_OK);
    CHECK(allocator->QueryInterface(IID_IStream, &same) == E_NOINTERFACE);
    CHECK(same == nullptr);
    CHECK(allocator->QueryInterface(IID_IMalloc, nullptr) == E_POINTER);
    allocator->Release(); // as often as one likes: it never ends
    allocator->Release();
    allocator->Release();
    void* const still = allocator->Alloc(1);
    CHECK(still != nullptr);
    allocator->Free(still);
}

TEST_CASE("the allocator exists in one context only")
{
    IMalloc* allocator = reinterpret_cast<IMalloc*>(1);
    CHECK(CoGetMalloc(2, &allocator) == E_INVALIDARG);
    CHECK(allocator == nullptr);
    CHECK(CoGetMalloc(1, nullptr) == E_INVALIDARG);
}

TEST_CASE("a fixed block is its own address")
{
    HGLOBAL const block = GlobalAlloc(GPTR, 4);
    REQUIRE(block != nullptr);
    CHECK(std::string(static_cast<char*>(block), 4) == std::string(4, '\0'));
    CHECK(GlobalLock(block) == block);
    CHECK(GlobalUnlock(block) == FALSE);
    CHECK(GlobalSize(block) == 4);
    std::memcpy(block, "abcd", 4);

    HGLOBAL const moved = GlobalReAlloc(block, 6, GMEM_ZEROINIT);
    REQUIRE(moved != nullptr);
    CHECK(std::string(static_cast<char*>(moved), 6) == std::string("abcd\0\0", 6));
    CHECK(GlobalFree(moved) == nullptr);
}

TEST_CASE("a movable block keeps its handle")
{
    HGLOBAL const block = GlobalAlloc(GHND, 4);
    REQUIRE(block != nullptr);
    auto* memory = static_cast<char*>(GlobalLock(block));
    REQUIRE(memory != nullptr);
    CHECK(static_cast<void*>(memory) != block);
    CHECK(std::string(memory, 4) == std::string(4, '\0'));
    std::memcpy(memory, "wxyz", 4);
    CHECK(GlobalLock(block) == memory);
    CHECK(GlobalUnlock(block) == TRUE); // still locked once
    CHECK(GlobalUnlock(block) == FALSE);
    CHECK(GlobalUnlock(block) == FALSE);

    CHECK(GlobalReAlloc(block, 50'000, GMEM_ZEROINIT) == block);
    CHECK(GlobalSize(block) == 50'000);
    memory = static_cast<char*>(GlobalLock(block));
    CHECK(std::string(memory, 5) == std::string("wxyz\0", 5));
    CHECK(memory[49'999] == '\0');
    GlobalUnlock(block);
    CHECK(GlobalReAlloc(block, 2, 0) == block);
    CHECK(GlobalSize(block) == 2);
    memory = static_cast<char*>(GlobalLock(block));
    CHECK(std::string(memory, 2) == "wx");
    CHECK(GlobalFree(block) == nullptr);
}

TEST_CASE("what was cut off is not seen again")
{
    HGLOBAL const block = GlobalAlloc(GHND, 8);
    std::memcpy(GlobalLock(block), "password", 8);
    CHECK(GlobalReAlloc(block, 4, 0) == block);
    CHECK(GlobalReAlloc(block, 8, GMEM_ZEROINIT) == block);
    CHECK(std::string(static_cast<char*>(GlobalLock(block)), 8) == std::string("pass\0\0\0\0", 8));
    GlobalFree(block);
}

TEST_CASE("no block")
{
    CHECK(GlobalLock(nullptr) == nullptr);
    CHECK(GlobalUnlock(nullptr) == FALSE);
    CHECK(GlobalSize(nullptr) == 0);
    CHECK(GlobalReAlloc(nullptr, 4, 0) == nullptr);
    CHECK(GlobalFree(nullptr) == nullptr);
    CHECK(LocalFree(nullptr) == nullptr);
}

TEST_CASE("the local functions are the global ones")
{
    HLOCAL const block = LocalAlloc(LPTR, 3);
    REQUIRE(block != nullptr);
    CHECK(GlobalSize(block) == 3);
    CHECK(LocalFree(block) == nullptr);
}

TEST_SUITE_END();
