//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What is known of the binary interface of an Imnxport.h, without any such header.

#ifndef POSTHORN_TESTS_SUPPORT_LEGACY_ABI_FACTS_HPP
#define POSTHORN_TESTS_SUPPORT_LEGACY_ABI_FACTS_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace support {

struct abi_struct
{
    std::size_t size      = 0;
    std::size_t alignment = 0;
    std::string type; ///< As the compiler names it.
};

struct abi_member
{
    std::string owner;
    std::string name;
    std::size_t offset    = 0;
    std::size_t size      = 0;
    std::size_t alignment = 0;
    bool        pointer   = false;
    std::string type; ///< As the compiler names it.
};

struct abi_facts
{
    std::map<std::string, std::uint32_t> numbers;     ///< Enumerators, constants, codes.
    std::map<std::string, std::string>   identifiers; ///< Without braces.
    std::map<std::string, abi_struct>    structs;
    std::vector<abi_member>              members; ///< In order of declaration within each structure.
    std::map<std::string, std::size_t>   slots;   ///< By "Interface.Method".
    std::map<std::string, std::size_t>   counts;  ///< Slots of each interface.
};

/// Of Wine's headers: defined in wine_abi.cpp.
abi_facts wine_abi_facts();

} // namespace support

#endif
