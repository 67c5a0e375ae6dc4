// SPDX-License-Identifier: MIT

#include "process/event_loop.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace ufl {

namespace {

namespace asio = boost::asio;

int checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error{errno, std::generic_category(), what};
  return fd;
}

// Inherited by no command. Where a sandbox refuses fcntl(2), by two calls; nobody forks between
// them.
int duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy >= 0 || (errno != EPERM && errno != ENOSYS)) return checked(copy, "fcntl");
  const int other = checked(::dup(fd), "dup");
  ::ioctl(other, FIOCLEX);
  return other;
}

/// Closed with this.
struct OwnDescriptor {
  explicit OwnDescriptor(int its_number) : number{its_number} {}
  OwnDescriptor(const OwnDescriptor&) = delete;
  OwnDescriptor& operator=(const OwnDescriptor&) = delete;
  ~OwnDescriptor() { ::close(number); }

  int number;
};

// Asio may say so for nothing (epoll_reactor of Boost 1.81 and 1.83):
//   1 epoll_wait(2) tells of A and B at once: what Asio knows of them is queued.  2 The handler of
//   A gives the watch of B up, and begins one of C: Asio uses what it had for B.  3 That is in the
//   queue still, with the event of B: the wait for C is over.
// True also where a sandbox refuses poll(2).
bool can_be_read(int descriptor) {
  pollfd ready{descriptor, POLLIN, 0};
  return ::poll(&ready, 1, 0) != 0;
}

// Asio's own timers stop during suspend: so a timerfd. One that is cancelled is left set in the
// kernel, and goes off for nothing: most are set anew before, and often to the same time.
class BootTimer final : public Timer {
 public:
  BootTimer(asio::io_context& context, const std::function<void()>& look)
      : look_{look},
        timer_{context, checked(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
                                "timerfd_create")} {}

  void at(Mono when, std::function<void()> handler) override {
    on_time_ = std::move(handler);
    if (set_to_ == when) return await();
    set_to_ = when;
    const auto since_boot = when.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
    itimerspec time{};
    time.it_value.tv_sec = seconds.count();
    time.it_value.tv_nsec = (since_boot - seconds).count();
    // All zero would disarm the timer.
    if (time.it_value.tv_sec == 0 && time.it_value.tv_nsec == 0) time.it_value.tv_nsec = 1;
    checked(::timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME, &time, nullptr),
            "timerfd_settime");
    await();
  }

  void cancel_timer() override { on_time_ = nullptr; }

 private:
  void await() {
    if (awaited_) return;
    awaited_ = true;
    timer_.async_wait(
        asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
          if (error) return;  // the timer may be gone
          awaited_ = false;
          std::uint64_t expirations = 0;
          const bool fired = ::read(timer_.native_handle(), &expirations, sizeof expirations) > 0;
          if (!fired) {  // set anew in the meantime
            if (on_time_) await();
            return;
          }
          set_to_.reset();
          if (on_time_) look_();
          if (auto handler = std::exchange(on_time_, nullptr)) handler();
        });
  }

  const std::function<void()>& look_;
  asio::posix::stream_descriptor timer_;
  bool awaited_ = false;
  std::optional<Mono> set_to_;  // in the kernel
  std::function<void()> on_time_;
};

class DescriptorWatch final : public Watch {
 public:
  DescriptorWatch(asio::io_context& context, const std::function<void()>& look, int fd,
                  std::function<void()> on_readable)
      : watched_{std::make_shared<Watched>(
            Watched{look, asio::posix::stream_descriptor{context}, std::move(on_readable)})} {
    const int copy = duplicate(fd);
    boost::system::error_code error;
    watched_->descriptor.assign(copy, error);
    if (error) {  // it is not taken then
      ::close(copy);
      throw boost::system::system_error{error};
    }
    await(watched_);
  }

 private:
  struct Watched {
    const std::function<void()>& look;
    asio::posix::stream_descriptor descriptor;
    std::function<void()> on_readable;
  };

  // The watch may end while its handler is on its way, or in it.
  static void await(const std::shared_ptr<Watched>& watched) {
    watched->descriptor.async_wait(
        asio::posix::descriptor_base::wait_read,
        [weak = std::weak_ptr{watched}](const boost::system::error_code& error) {
          const auto alive = weak.lock();
          if (error || !alive) return;
          if (can_be_read(alive->descriptor.native_handle())) {
            alive->look();
            alive->on_readable();
          }
          await(alive);  // in vain, if the handler has given the watch up
        });
  }

  std::shared_ptr<Watched> watched_;
};

// Asio calls epoll_create1(2) "epoll" and timerfd_create(2) "timerfd", and an assign() of ours is
// epoll_ctl(2).
std::string call_of(const boost::system::system_error& error) {
  const std::string what = error.what();
  if (what.starts_with("epoll")) return "epoll_create1";
  if (what.starts_with("eventfd")) return "eventfd2";
  return "epoll_ctl";
}

// What Asio throws is no std::system_error in Boost 1.81.
template <typename Make>
auto translated(const Make& make) {
  try {
    return make();
  } catch (const boost::system::system_error& error) {
    throw std::system_error{error.code().value(), std::generic_category(), call_of(error)};
  }
}

}  // namespace

// Asio's signal_set neither names the sender nor respects ignored signals: so a signalfd.
struct EventLoop::Impl {
  explicit Impl(const Signals& signals)
      : signal{context, checked(::signalfd(-1, &signals.handled(), SFD_CLOEXEC | SFD_NONBLOCK),
                                "signalfd4")} {}

  void await_signal() {
    signal.async_wait(asio::posix::descriptor_base::wait_read,
                      [this](const boost::system::error_code& error) {
                        if (error) return;
                        look();
                        read_signals();
                        await_signal();
                      });
  }

  void read_signals() {
    signalfd_siginfo info{};
    while (::read(signal.native_handle(), &info, sizeof info) == sizeof info) {
      SignalEvent event;
      event.number = static_cast<int>(info.ssi_signo);
      event.from_kernel = info.ssi_code == SI_KERNEL;
      if (on_signal) on_signal(event);
    }
  }

  std::function<void()> look = [] {};
  asio::io_context context{1};
  asio::posix::stream_descriptor signal;
  SignalHandler on_signal;
};

EventLoop::EventLoop(const Signals& signals)
    : impl_{translated([&] { return std::make_unique<Impl>(signals); })} {
  impl_->await_signal();
}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
  impl_->context.restart();
  impl_->context.run();
}

void EventLoop::stop() { impl_->context.stop(); }

std::unique_ptr<Timer> EventLoop::make_timer() {
  return translated([this] { return std::make_unique<BootTimer>(impl_->context, impl_->look); });
}

std::unique_ptr<Watch> EventLoop::watch(int fd, std::function<void()> on_readable) {
  return translated([&] {
    return std::make_unique<DescriptorWatch>(impl_->context, impl_->look, fd,
                                             std::move(on_readable));
  });
}

std::unique_ptr<Watch> EventLoop::watch_children(std::function<void()> on_change) {
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);
  const auto fd = std::make_shared<OwnDescriptor>(
      checked(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd4"));
  return watch(fd->number, [fd, on_change = std::move(on_change)] {
    signalfd_siginfo info{};
    while (::read(fd->number, &info, sizeof info) == sizeof info) {
    }
    on_change();
  });
}

void EventLoop::on_signal(SignalHandler handler) { impl_->on_signal = std::move(handler); }

void EventLoop::before_each(std::function<void()> look) { impl_->look = std::move(look); }

void EventLoop::poll_signals() { impl_->read_signals(); }

asio::io_context& EventLoop::context() { return impl_->context; }

}  // namespace ufl
