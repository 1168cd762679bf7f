//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Message source that reads a file, in blocks, on a worker thread.

#ifndef POSTHORN_SOURCE_FILE_HPP
#define POSTHORN_SOURCE_FILE_HPP

#include <posthorn/coro/offload.hpp>
#include <posthorn/source/source.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn {

/** The contents of a file, or of a stream that is already open, such as the standard input.

    Blocks are read on a worker thread, so that a slow disk does not stop the executor. Needs a task that has an
    executor.
*/
class file_source final : public source
{
public:
    static constexpr std::size_t block_size = std::size_t(128) * 1024;

    /** Opens a file.
        @throws error with the system's code, naming the file, if it cannot be opened. */
    explicit file_source(std::filesystem::path const& path)
        : state_(std::make_shared<state>(open(path), true)), name_(path.string())
    {
        std::error_code ec;
        if (std::filesystem::is_regular_file(path, ec))
        {
            auto const size = std::filesystem::file_size(path, ec);
            if (!ec)
            {
                size_       = size;
                rewindable_ = true;
            }
        }
    }

    /// Reads from an open stream, from where it stands to its end; it is not closed. @pre stream != nullptr
    explicit file_source(std::FILE* stream, std::string name)
        : state_(std::make_shared<state>(stream, false)), name_(std::move(name))
    {
    }

    task<std::string_view> next() override
    {
        read_block           work(state_);
        std::size_t const n = co_await offload(std::move(work));
        if (state_->failure != 0)
            throw error(std::error_code(state_->failure, std::generic_category()), "reading " + name_);
        co_return std::string_view(state_->block.data(), n);
    }

    std::optional<std::uint64_t> size() const override { return size_; }
    bool                         rewindable() const override { return rewindable_; }

    task<void> rewind() override
    {
        if (!rewindable_)
            throw error(errc::unsupported, name_ + " cannot start again");
        std::rewind(state_->file);
        state_->failure = 0;
        co_return;
    }

private:
    /// Shared with the worker, which may still be reading when the source is destroyed with its event loop.
    struct state
    {
        state(std::FILE* f, bool own) : file(f), owned(own), block(block_size)
        {
            if (owned) // whole blocks are read: a buffer would only copy
                std::setvbuf(file, nullptr, _IONBF, 0);
        }
        state(state const&)            = delete;
        state& operator=(state const&) = delete;
        ~state()
        {
            if (owned)
                std::fclose(file);
        }

        std::FILE*        file;
        bool              owned;
        int               failure = 0;
        std::vector<char> block;
    };

    class read_block
    {
    public:
        explicit read_block(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

        std::size_t operator()()
        {
            errno         = 0;
            auto const n  = std::fread(state_->block.data(), 1, state_->block.size(), state_->file);
            if (n < state_->block.size() && std::ferror(state_->file) != 0)
                state_->failure = errno != 0 ? errno : EIO;
            return n;
        }

    private:
        std::shared_ptr<state> state_;
    };

    static std::FILE* open(std::filesystem::path const& path)
    {
        errno        = 0;
        std::FILE* f = std::fopen(path.string().c_str(), "rb");
        if (f == nullptr)
            throw error(std::error_code(errno != 0 ? errno : ENOENT, std::generic_category()),
                        "opening " + path.string());
        return f;
    }

    std::shared_ptr<state>       state_;
    std::string                  name_;
    std::optional<std::uint64_t> size_;
    bool                         rewindable_ = false;
};

} // namespace posthorn

#endif
