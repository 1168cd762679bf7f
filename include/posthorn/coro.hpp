//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Umbrella: tasks and everything to combine, run and bridge them.

#ifndef POSTHORN_CORO_HPP
#define POSTHORN_CORO_HPP

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/generator.hpp>
#include <posthorn/coro/offload.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/coro/with_timeout.hpp>

#endif
