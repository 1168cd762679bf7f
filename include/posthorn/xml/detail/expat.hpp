//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Owning an Expat parser whose memory is bounded. Expat keeps every name it has ever seen.

#ifndef POSTHORN_XML_DETAIL_EXPAT_HPP
#define POSTHORN_XML_DETAIL_EXPAT_HPP

#include <expat.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <string_view>

namespace posthorn::xml::detail {

/// What one parser may take from the heap, and has taken.
struct expat_budget
{
    std::size_t limit    = std::numeric_limits<std::size_t>::max();
    std::size_t used     = 0;
    bool        exceeded = false;
};

// Expat's allocation functions have no argument for context: whoever calls Expat says whose memory it is.
inline expat_budget*& current_budget() noexcept
{
    thread_local expat_budget* current = nullptr;
    return current;
}

class budget_scope
{
public:
    explicit budget_scope(expat_budget& b) noexcept : outer_(current_budget()) { current_budget() = &b; }
    budget_scope(budget_scope const&)            = delete;
    budget_scope& operator=(budget_scope const&) = delete;
    ~budget_scope() { current_budget() = outer_; }

private:
    expat_budget* outer_;
};

/// In front of every block: its size, on a whole alignment unit.
inline constexpr std::size_t expat_header = alignof(std::max_align_t);
static_assert(expat_header >= sizeof(std::size_t));

inline void* expat_reallocate(void* old, std::size_t size) noexcept
{
    auto* const budget = current_budget();
    char*       base   = old == nullptr ? nullptr : static_cast<char*>(old) - expat_header;
    std::size_t before = 0;
    if (base != nullptr)
        std::memcpy(&before, base, sizeof before);
    std::size_t const whole = size + expat_header;
    if (whole < size || whole - before > budget->limit - std::min(budget->used, budget->limit))
    {
        if (whole < size || whole > before)
        {
            budget->exceeded = true;
            return nullptr;
        }
    }
    auto* const block = static_cast<char*>(std::realloc(base, whole));
    if (block == nullptr)
        return nullptr;
    budget->used = budget->used - before + whole;
    std::memcpy(block, &whole, sizeof whole);
    return block + expat_header;
}

inline void* expat_allocate(std::size_t size) noexcept { return expat_reallocate(nullptr, size); }

inline void expat_free(void* block) noexcept
{
    if (block == nullptr)
        return;
    char* const base = static_cast<char*>(block) - expat_header;
    std::size_t size = 0;
    std::memcpy(&size, base, sizeof size);
    current_budget()->used -= size;
    std::free(base);
}

/// A parser of UTF-8 without knowledge of namespaces.
class expat_parser
{
public:
    explicit expat_parser(std::size_t memory_limit = std::numeric_limits<std::size_t>::max())
    {
        static constexpr XML_Memory_Handling_Suite suite = {expat_allocate, expat_reallocate, expat_free};
        budget_.limit                                    = memory_limit;
        budget_scope const scope(budget_);
        parser_ = XML_ParserCreate_MM("UTF-8", &suite, nullptr);
        if (parser_ == nullptr)
            throw std::bad_alloc();
    }
    expat_parser(expat_parser const&)            = delete;
    expat_parser& operator=(expat_parser const&) = delete;
    ~expat_parser()
    {
        budget_scope const scope(budget_);
        XML_ParserFree(parser_);
    }

    XML_Parser get() const noexcept { return parser_; }

    /// Parse a piece. @return Was all well?
    bool parse(std::string_view in, bool last) noexcept
    {
        constexpr std::size_t most = 1U << 20U; // Expat counts in int
        budget_scope const    scope(budget_);
        do
        {
            auto const piece = in.substr(0, most);
            in.remove_prefix(piece.size());
            if (XML_Parse(parser_, piece.data(), static_cast<int>(piece.size()), last && in.empty()) !=
                XML_STATUS_OK)
                return false;
        } while (!in.empty());
        return true;
    }

    expat_budget const& budget() const noexcept { return budget_; }

private:
    expat_budget budget_;
    XML_Parser   parser_ = nullptr;
};

/// Can this stand between the tags of an element?
inline bool is_well_formed_content(std::string_view content)
{
    expat_parser p;
    return p.parse("<x>", false) && p.parse(content, false) && p.parse("</x>", true);
}

} // namespace posthorn::xml::detail

#endif
