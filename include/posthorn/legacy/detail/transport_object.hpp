//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What transports of all protocols do alike: the life of the object, and the methods of IInternetTransport that ask for its state
// or end it.

#ifndef POSTHORN_LEGACY_DETAIL_TRANSPORT_OBJECT_HPP
#define POSTHORN_LEGACY_DETAIL_TRANSPORT_OBJECT_HPP

#include <posthorn/legacy/detail/engine.hpp>
#include <posthorn/legacy/detail/guarded.hpp>
#include <posthorn/legacy/detail/mailbox.hpp>
#include <posthorn/legacy/detail/pump_queue.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/transport_settings.hpp>

#include <asio/any_io_executor.hpp>

#include <memory>
#include <utility>

namespace posthorn::legacy::detail {

/** Base of the transports.
    @tparam Object The instance of unknown with the interfaces.
    @tparam Front  Derived from transport_front, with a connection. */
template <class Object, class Front>
class transport_object : public Object
{
public:
    STDMETHODIMP GetServerInfo(LPINETSERVER server) override
    {
        if (server == nullptr)
            return E_INVALIDARG;
        if (!front_->initialised)
            return IXP_E_NOT_INIT;
        if (!front_->has_server)
            return IXP_E_NOT_CONNECTED;
        *server = front_->server;
        return S_OK;
    }

    STDMETHODIMP IsState(IXPISSTATE question) override
    {
        if (question < IXP_IS_CONNECTED || question > IXP_IS_AUTHENTICATED)
            return E_INVALIDARG;
        if (!front_->initialised)
            return IXP_E_NOT_INIT;
        auto const answer = [](bool yes) { return yes ? S_OK : S_FALSE; };
        if (question == IXP_IS_CONNECTED)
            return answer(front_->connected);
        if (!is_connected())
            return IXP_E_NOT_CONNECTED;
        switch (question)
        {
        case IXP_IS_BUSY: return answer(front_->is_busy());
        case IXP_IS_READY: return answer(front_->is_ready());
        default: return answer(front_->is_authenticated());
        }
    }

    STDMETHODIMP HandsOffCallback() override
    {
        if (!front_->callback)
            return S_FALSE;
        auto const released = std::exchange(front_->callback, nullptr);
        return S_OK;
    }

    STDMETHODIMP DropConnection() override
    {
        return guarded([&] {
            if (!front_->initialised)
                return IXP_E_NOT_INIT;
            if (!is_connected())
                return IXP_E_NOT_CONNECTED;
            drop();
            auto const front = front_; // the client may give the last reference back
            front->set_status(IXP_DISCONNECTED); // the one callback that comes from inside of a method
            return S_OK;
        });
    }

    STDMETHODIMP GetStatus(IXPSTATUS* status) override
    {
        if (status == nullptr)
            return E_INVALIDARG;
        *status = front_->status;
        return S_OK;
    }

protected:
    /// For the calling thread.
    explicit transport_object(transport_settings&& settings)
        : front_(std::make_shared<Front>(engine::instance().make_mailbox())), pumped_(true)
    {
        front_->box->move_to(pump_queue::of_this_thread());
        begin(std::move(settings));
    }

    /// For an executor.
    transport_object(asio::any_io_executor const& ex, transport_settings&& settings)
        : front_(std::make_shared<Front>(std::make_shared<mailbox>(ex))), pumped_(false)
    {
        front_->box->move_to(ex);
        begin(std::move(settings));
    }

    ~transport_object() override = default;

    void last_release() noexcept override
    {
        auto const box = front_->box; // which may end this object before it returns
        if (!box->bequeath(last_)) // else its thread has the last word
            end();
    }

    /// Ends a connection without a word to anybody.
    void drop() noexcept
    {
        auto const c = std::exchange(front_->connection, nullptr);
        front_->forget_news();
        front_->on_quiet = nullptr;
        front_->forget_session();
        if (c)
            c->drop();
    }

    bool is_connected() const noexcept { return front_->connection != nullptr; }

    std::shared_ptr<Front> front_;
    bool                   pumped_; ///< A thread pumps for it; else it has an executor.

private:
    void begin(transport_settings&& settings)
    {
        front_->settings  = std::move(settings);
        front_->transport = this;
    }

    void end() noexcept
    {
        front_->transport   = nullptr;
        auto const callback = std::exchange(front_->callback, nullptr);
        drop();
        if (pumped_ && engine::is_alive())
            front_->box->give_to(engine::instance().executor());
        else if (pumped_)
            front_->box->close();
        delete this;
    }

    step last_ {[this] { end(); }}; ///< Made in time: a last Release cannot fail.
};

/// Makes a transport with the default settings, as the exports of both protocols do.
template <class Transport>
HRESULT make_transport(REFIID riid, void** object)
{
    if (object == nullptr)
        return E_POINTER;
    *object = nullptr; // also where there is no memory for a copy of the settings
    return guarded([&] { return make_object<Transport>(riid, object, default_transport_settings()); });
}

} // namespace posthorn::legacy::detail

#endif
