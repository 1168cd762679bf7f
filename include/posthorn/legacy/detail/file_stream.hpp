//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A stream over a file.

#ifndef POSTHORN_LEGACY_DETAIL_FILE_STREAM_HPP
#define POSTHORN_LEGACY_DETAIL_FILE_STREAM_HPP

#include <posthorn/legacy/com.h>
#include <posthorn/legacy/detail/stream_base.hpp>
#include <posthorn/legacy/detail/wide_text.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace posthorn::legacy::detail {

/// An open file, shared by a stream and its clones.
class open_file
{
public:
    open_file(int opened, DWORD how, std::string where) noexcept
        : descriptor(opened), mode(how), path(std::move(where))
    {
    }
    open_file(open_file const&)            = delete;
    open_file& operator=(open_file const&) = delete;
    ~open_file()
    {
        ::close(descriptor);
        if ((mode & STGM_DELETEONRELEASE) != 0)
            ::unlink(path.c_str());
    }

    bool reads() const noexcept { return (mode & 3) != STGM_WRITE; }
    bool writes() const noexcept { return (mode & 3) != STGM_READ; }

    int const         descriptor;
    DWORD const       mode;
    std::string const path;
};

/// Windows' number for a failure to open a file, as a result code.
inline HRESULT from_open_error(int error) noexcept
{
    DWORD code = 1117; // a device failed
    switch (error)
    {
    case ENOENT: code = 2; break;
    case ENOTDIR: code = 3; break;
    case EMFILE:
    case ENFILE: code = 4; break;
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR:
    case ETXTBSY: code = 5; break;
    case EEXIST: code = 80; break;
    case ENOSPC:
    case EDQUOT: code = 112; break;
    case ENAMETOOLONG: code = 206; break;
    case ENOMEM: return E_OUTOFMEMORY;
    default: break;
    }
    return HRESULT_FROM_WIN32(code);
}

inline FILETIME to_file_time(std::timespec const& time) noexcept
{
    // 100 nanoseconds since 1601; Unix counts from 1970.
    std::uint64_t const count = static_cast<std::uint64_t>(time.tv_sec + 11644473600LL) * 10000000u +
                                static_cast<std::uint64_t>(time.tv_nsec) / 100u;
    FILETIME converted;
    converted.dwLowDateTime  = static_cast<DWORD>(count & 0xFFFFFFFFu);
    converted.dwHighDateTime = static_cast<DWORD>(count >> 32);
    return converted;
}

class file_stream final : public stream_base
{
public:
    explicit file_stream(std::shared_ptr<open_file const> file) noexcept : file_(std::move(file)) {}

protected:
    HRESULT read_at(std::uint64_t offset, void* to, ULONG size, ULONG& got) noexcept override
    {
        if (!file_->reads())
            return STG_E_ACCESSDENIED;
        if (size > static_cast<std::uint64_t>(INT64_MAX) - offset)
            return S_FALSE; // the system refuses such ranges, and no file reaches as far
        while (got != size)
        {
            ssize_t const count =
                ::pread(file_->descriptor, static_cast<char*>(to) + got, size - got, static_cast<off_t>(offset + got));
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return STG_E_READFAULT;
            if (count == 0)
                return S_FALSE; // streams over files say it so
            got += static_cast<ULONG>(count);
        }
        return S_OK;
    }

    HRESULT write_at(std::uint64_t offset, void const* from, ULONG size, ULONG& put) noexcept override
    {
        if (!file_->writes())
            return STG_E_ACCESSDENIED;
        if (size > static_cast<std::uint64_t>(INT64_MAX) - offset)
            return STG_E_MEDIUMFULL;
        while (put != size)
        {
            ssize_t const count = ::pwrite(file_->descriptor, static_cast<char const*>(from) + put, size - put,
                                           static_cast<off_t>(offset + put));
            if (count < 0 && errno == EINTR)
                continue;
            if (count <= 0)
                return no_room(count < 0 ? errno : ENOSPC) ? STG_E_MEDIUMFULL : STG_E_WRITEFAULT;
            put += static_cast<ULONG>(count);
        }
        return S_OK;
    }

    HRESULT get_size(std::uint64_t& size) noexcept override
    {
        struct stat facts;
        if (::fstat(file_->descriptor, &facts) != 0)
            return STG_E_SEEKERROR;
        size = static_cast<std::uint64_t>(facts.st_size);
        return S_OK;
    }

    HRESULT set_size(std::uint64_t size) noexcept override
    {
        if (!file_->writes())
            return STG_E_ACCESSDENIED;
        if (size > static_cast<std::uint64_t>(INT64_MAX))
            return STG_E_MEDIUMFULL;
        while (::ftruncate(file_->descriptor, static_cast<off_t>(size)) != 0)
            if (errno != EINTR)
                return no_room(errno) || errno == EINVAL ? STG_E_MEDIUMFULL : STG_E_WRITEFAULT;
        return S_OK;
    }

    HRESULT describe(STATSTG& facts, bool with_name) noexcept override
    {
        struct stat found;
        if (::fstat(file_->descriptor, &found) != 0)
            return STG_E_ACCESSDENIED;
        facts.cbSize.QuadPart = static_cast<ULONGLONG>(found.st_size);
#if defined(__APPLE__)
        facts.mtime = to_file_time(found.st_mtimespec);
        facts.ctime = to_file_time(found.st_ctimespec);
        facts.atime = to_file_time(found.st_atimespec);
#else
        facts.mtime = to_file_time(found.st_mtim);
        facts.ctime = to_file_time(found.st_ctim);
        facts.atime = to_file_time(found.st_atim);
#endif
        facts.grfMode = file_->mode;
        return with_name ? copy_name(facts) : S_OK;
    }

    HRESULT make_clone(IStream** clone) noexcept override
    {
        return make_object<file_stream>(IID_IStream, reinterpret_cast<void**>(clone), file_);
    }

private:
    static bool no_room(int error) noexcept { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

    HRESULT copy_name(STATSTG& facts) noexcept
    try
    {
        std::wstring const name = to_wide(file_->path);
        std::size_t const  size = (name.size() + 1) * sizeof(wchar_t);
        facts.pwcsName          = static_cast<LPOLESTR>(CoTaskMemAlloc(size));
        if (facts.pwcsName == nullptr)
            return STG_E_INSUFFICIENTMEMORY;
        std::memcpy(facts.pwcsName, name.c_str(), size);
        return S_OK;
    }
    catch (std::bad_alloc const&)
    {
        return STG_E_INSUFFICIENTMEMORY;
    }

    std::shared_ptr<open_file const> file_;
};

/// Opens a file and makes a stream over it. @param create As fCreate of SHCreateStreamOnFileEx. May throw std::bad_alloc.
inline HRESULT make_file_stream(std::string path, DWORD mode, bool create, IStream** stream)
{
    constexpr DWORD access = 3, sharing = 0x70;
    if ((mode & access) == access || (mode & ~(access | sharing | STGM_CREATE | STGM_DELETEONRELEASE)) != 0)
        return STG_E_INVALIDFLAG;

    // Nothing but plain files is meant: opening must not wait for the other end of a pipe, or take a terminal.
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    if ((mode & STGM_CREATE) != 0)
        flags |= O_CREAT | O_TRUNC | ((mode & access) == STGM_WRITE ? O_WRONLY : O_RDWR);
    else
        flags |= (create ? O_CREAT | O_EXCL : 0) |
                 ((mode & access) == STGM_READ ? O_RDONLY : (mode & access) == STGM_WRITE ? O_WRONLY : O_RDWR);
    int descriptor = -1;
    do
        descriptor = ::open(path.c_str(), flags, 0666);
    while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0)
        return from_open_error(errno);

    struct stat facts;
    bool const  plain = ::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode);
    if (!plain)
    {
        ::close(descriptor);
        return from_open_error(EISDIR);
    }
    std::shared_ptr<open_file const> file;
    try
    {
        file = std::make_shared<open_file const>(descriptor, mode & (access | STGM_DELETEONRELEASE), std::move(path));
    }
    catch (...)
    {
        ::close(descriptor);
        throw;
    }
    return make_object<file_stream>(IID_IStream, reinterpret_cast<void**>(stream), std::move(file));
}

} // namespace posthorn::legacy::detail

#endif
