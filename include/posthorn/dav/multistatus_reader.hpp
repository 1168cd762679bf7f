//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Reads the body of a 207 response as a stream: one response after the other, whatever the layout.

#ifndef POSTHORN_DAV_MULTISTATUS_READER_HPP
#define POSTHORN_DAV_MULTISTATUS_READER_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/dav/error.hpp>
#include <posthorn/dav/names.hpp>
#include <posthorn/dav/response.hpp>
#include <posthorn/dav/status_line.hpp>
#include <posthorn/dav/value.hpp>
#include <posthorn/xml/reader.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::dav {

/// Upper bounds for one multistatus.
struct multistatus_limits
{
    multistatus_limits() = default;

    xml::reader_limits xml;
    std::size_t        text      = 1024 * 1024;     ///< Octets of the text of one element.
    std::size_t        response  = 4 * 1024 * 1024; ///< Octets of all texts and names of one response.
    std::size_t        elements  = 4096; ///< Elements in the properties of one response; and its propstats.
    std::size_t        hrefs     = 100'000; ///< Hrefs of one response.
    std::uint64_t      responses = 5'000'000;
};

/** Turns octets into the responses of a multistatus (RFC 4918, 14.16), without doing any I/O.

    Both layouts are read (status before or after the properties), properties that stand directly in a response, locations
    with and without an inner href. What is known to be wrong with real servers is repaired: see xml::mender. Elements
    are known by namespace; `Dav:` counts as `DAV:`, and a prefix `D` that was never declared means it too.

    A response is handed over as soon as it has ended, so memory is bounded by the largest response and by the size of the
    pieces that are fed.

    @par Example
    @code
    multistatus_reader reader;
    response           r;
    while (auto ec = reader.feed(more()); !ec)
        while (reader.next(r))
            use(r);
    @endcode

    @par Thread safety
    One thread at a time.
*/
class multistatus_reader final : private xml::handler
{
public:
    explicit multistatus_reader(multistatus_limits const& limits = {}, xml::charset_hints charset = {})
        : limits_(limits), reader_(*this, settings(limits, std::move(charset)))
    {
    }
    multistatus_reader(multistatus_reader const&)            = delete;
    multistatus_reader& operator=(multistatus_reader const&) = delete;

    /** Read a piece.
        @param in Not kept. Cut large bodies into pieces of some KiB: the responses of one piece are all kept until taken.
        @return Nothing, or one of xml::errc, errc::not_multistatus, response_too_large, too_many_responses; the same
            with every further call. Responses that were complete by then can still be taken.
    */
    std::error_code feed(std::string_view in) { return reader_.feed(in); }

    /// The body has ended. @return Nothing if it was a complete multistatus; else as of feed().
    std::error_code finish() { return reader_.finish(); }

    /** Takes the next response.
        @param out Gets it; its memory is used again for later ones.
        @return False if none is ready.
    */
    bool next(response& out) noexcept
    {
        if (front_ == ready_)
        {
            front_ = ready_ = 0;
            return false;
        }
        swap(out, queue_[front_++]);
        return true;
    }

    /// Has the root element ended?
    bool complete() const noexcept { return reader_.complete(); }

    /// Is this a multistatus, as far as was read?
    bool recognised() const noexcept { return recognised_; }

    /// The responses that have ended so far, taken or not.
    std::uint64_t count() const noexcept { return count_; }

    /// The description of the whole, if there is one. Not safe to show.
    std::string const& description() const noexcept { return description_; }

    /// What had to be repaired so far.
    xml::repairs repairs() const noexcept { return reader_.repairs(); }

    /// Octets the XML parser holds now.
    std::size_t memory() const noexcept { return reader_.memory(); }

    /// More about an error; safe to show.
    std::string const& detail() const noexcept { return reader_.detail(); }

private:
    /// Where in the grammar an open element stands.
    enum class place : unsigned char
    {
        root,
        response,
        propstat,
        prop,
        property, ///< A property, or an element in its value.
        error,
        // Their text is collected, and that of elements in them.
        href,
        status,
        description,
        location,
        whole_description,
        skipped
    };

    static xml::reader_settings settings(multistatus_limits const& limits, xml::charset_hints charset)
    {
        static constexpr std::string_view    free_text[] = {"from", "to", "subject", "displayname"};
        static constexpr xml::assumed_prefix assumed[]   = {{"D", dav_space}};

        xml::reader_settings s;
        s.charset   = std::move(charset);
        s.limits    = limits.xml;
        s.free_text = free_text;
        s.assumed   = assumed;
        return s;
    }

    void start(xml::element const& e) override
    {
        bool const  dav   = is_dav(e.key.space);
        auto const& local = e.key.local;
        if (places_.empty())
        {
            recognised_ = dav && local == "multistatus";
            if (!recognised_)
                reader_.stop(errc::not_multistatus, "the root element is " + to_string(e.key));
            return places_.push_back(place::root);
        }
        switch (places_.back())
        {
        case place::root:
            if (dav && local == "response")
            {
                current_.clear();
                current_.propstats_.emplace_back(); // of properties outside of any propstat
                return places_.push_back(place::response);
            }
            return collect(dav && local == "responsedescription" ? place::whole_description : place::skipped);
        case place::response:
            if (dav && local == "propstat")
            {
                if (current_.propstats_.size() > limits_.elements)
                    return reader_.stop(errc::response_too_large, "too many propstats");
                current_.propstats_.emplace_back();
                return places_.push_back(place::propstat);
            }
            if (dav && local == "href")
                return collect(place::href);
            if (dav && local == "location")
                return collect(place::location);
            if (!in_both(dav, local))
                open_property(e, 1);
            return;
        case place::propstat:
            if (!in_both(dav, local))
                places_.push_back(place::skipped);
            return;
        case place::prop: return open_property(e, 1);
        case place::property: return open_property(e, depth_ + 1);
        case place::error:
            current_.conditions_.push_back(current_.add_name(e.key));
            check_size();
            return places_.push_back(place::skipped);
        case place::href:
        case place::status:
        case place::description:
        case place::location:
        case place::whole_description: return places_.push_back(places_.back()); // still the same text
        case place::skipped: return places_.push_back(place::skipped);
        }
    }

    void text(std::string_view part) override
    {
        if (places_.empty())
            return;
        switch (places_.back())
        {
        case place::property: return append(texts_[depth_ - 1], part);
        case place::href:
        case place::status:
        case place::description:
        case place::location:
        case place::whole_description: return append(collected_, part);
        default: return;
        }
    }

    void end(xml::name const&) override
    {
        auto const ended = places_.back();
        places_.pop_back();
        if (ended == place::property)
            return close_property();
        if (ended == place::response)
            return close_response();
        if (ended == place::propstat)
            return;
        if (!places_.empty() && places_.back() == ended)
            return; // inside of what is collected
        auto const text = trim_value(collected_);
        switch (ended)
        {
        case place::href:
            if (current_.hrefs_.size() == limits_.hrefs)
                return reader_.stop(errc::response_too_large, "too many hrefs");
            current_.hrefs_.push_back(current_.add(text));
            break;
        case place::location: current_.location_ = current_.add(text); break;
        case place::status: here().status = parse_status_line(text); break;
        case place::description: here().description = current_.add(text); break;
        case place::whole_description: description_ = text; break;
        default: break;
        }
        check_size();
    }

    /// What may stand both in a response and in a propstat. @return Was it such a thing?
    bool in_both(bool dav, std::string_view local)
    {
        if (!dav)
            return false;
        if (local == "prop")
            places_.push_back(place::prop);
        else if (local == "status")
            collect(place::status);
        else if (local == "responsedescription")
            collect(place::description);
        else if (local == "error")
            places_.push_back(place::error);
        else
            return false;
        return true;
    }

    /// The propstat that is open, or what stands for the response itself.
    response::propstat& here() noexcept
    {
        return places_.back() == place::propstat ? current_.propstats_.back() : current_.propstats_.front();
    }

    void collect(place p)
    {
        collected_.clear();
        places_.push_back(p);
    }

    void open_property(xml::element const& e, std::size_t depth)
    {
        if (current_.nodes_.size() == limits_.elements)
            return reader_.stop(errc::response_too_large, "too many properties");
        places_.push_back(place::property);
        depth_ = depth;
        if (texts_.size() < depth)
            texts_.resize(depth);
        texts_[depth - 1].clear();

        response::node n;
        n.name  = current_.add_name(e.key);
        n.depth = static_cast<std::uint32_t>(depth);
        for (auto const& a : e.attributes)
            if (a.key.local == "dt" &&
                (a.key.space == datatypes_space || a.key.space == other_datatypes_space))
                n.kind = parse_value_kind(a.value);
        bool const in_propstat =
            places_.size() > depth + 1 && places_[places_.size() - depth - 2] == place::propstat;
        n.propstat = in_propstat ? static_cast<std::uint32_t>(current_.propstats_.size() - 1) : 0;
        open_.push_back(current_.nodes_.size());
        current_.nodes_.push_back(n);
        check_size();
    }

    void close_property()
    {
        auto& n = current_.nodes_[open_.back()];
        open_.pop_back();
        n.text = current_.add(texts_[depth_ - 1]);
        n.end  = static_cast<std::uint32_t>(current_.nodes_.size());
        --depth_;
        check_size();
    }

    void close_response()
    {
        if (++count_ > limits_.responses)
            return reader_.stop(errc::too_many_responses);
        if (ready_ == queue_.size())
            queue_.emplace_back();
        swap(queue_[ready_++], current_);
    }

    void append(std::string& to, std::string_view part)
    {
        if (part.size() > limits_.text - std::min(to.size(), limits_.text))
            return reader_.stop(errc::response_too_large, "the text of an element is too long");
        to += part;
    }

    void check_size()
    {
        if (current_.text_.size() > limits_.response)
            reader_.stop(errc::response_too_large);
    }

    multistatus_limits       limits_;
    std::vector<place>       places_; ///< Of the open elements.
    std::vector<std::size_t> open_;   ///< Nodes of the open properties.
    std::vector<std::string> texts_;  ///< Of the open properties: what has come so far.
    std::string              collected_;
    std::size_t              depth_      = 0; ///< Open properties, one in the other.
    bool                     recognised_ = false;
    response                 current_;
    std::vector<response>    queue_; ///< Ready ones, and memory of those taken.
    std::size_t              front_ = 0;
    std::size_t              ready_ = 0;
    std::uint64_t            count_ = 0;
    std::string              description_;
    xml::reader              reader_;
};

} // namespace posthorn::dav

#endif
