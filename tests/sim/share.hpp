// SPDX-License-Identifier: MIT
//
// The simulated share: one path at the server, with its past, and what may happen between it and
// its clients (client.hpp).

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/process.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// What a share may do to its clients. Probabilities are per mille of the operations concerned.
struct ShareKnobs {
  Duration v{};                   ///< how old a state a client may see
  Duration b{};                   ///< from a look to the landing of what was decided on it
  Duration w{};                   ///< the part of B after close has returned
  bool atomic_create = true;      ///< the server makes exclusive create exclusive
  bool eperm_for_exists = false;  ///< EPERM where EEXIST is meant (sshfs)
  bool two_steps = false;         ///< a file is made or truncated first, and filled later
  bool steady = false;            ///< all operations get the longest lags; else
  unsigned held_back = 0;         ///< those that get lags rather than none
  unsigned old_view = 0;          ///< reads that see a past state
  unsigned lost_reply = 0;        ///< done, but an error is returned
  unsigned error = 0;             ///< EIO, nothing done
  unsigned refused = 0;           ///< creates that fail before anything is tried (EMFILE)
  unsigned full_disk = 0;  ///< atomic creates that make the file and no more than a part of it
  unsigned lands_after_error = 0;  ///< EIO, and done later all the same
  unsigned torn = 0;               ///< reads of a file that has just changed give a part of it
  unsigned stale = 0;              ///< reads of a name that has just changed give ESTALE
  unsigned stale_lie = 0;          ///< reads of any file give ESTALE
  /// Creates that land later than B allows: up to this long after they were asked for, before the
  /// create returns.
  unsigned overdue = 0;
  Duration longest_overdue{};
  bool overdue_removals = false;  ///< removals, too
  /// Replies that come later than B allows; what is then written rests on an old look.
  unsigned stall = 0;
  Duration longest_stall{};
  Duration create_takes{};  ///< every create, and removal, takes at least this long
  unsigned flocked = 0;     ///< guarded operations that find the file held by a flock(1)
  bool at_server = false;   ///< this client is the server: it sees what is there
  unsigned in_use = 0;      ///< renames over the file, and removals, that fail: EBUSY
  unsigned not_ours = 0;  ///< renames over a file of another that fail: EPERM, for its owner alone
  unsigned hung = 0;      ///< writes in place that are never answered
};

/// A state of the path at the server.
struct Version {
  Moment since{};
  bool exists = false;
  std::uint64_t inode = 0;
  std::string content;
  int owner = -1;  ///< who made it; -1: nobody
  /// Two writers have written into one file, neither of them all of it.
  bool mixed = false;
  /// A full disk has kept a part of this.
  std::string cut_from{};
  /// Somebody has written in place, over this.
  std::string before{};
  /// Its record was written back while somebody else held flock(2) on it.
  bool intruded = false;
};

/// The file that somebody keeps (CreateExclusive), as long as one of these lives: its inode.
using Kept = std::shared_ptr<const std::uint64_t>;

/// The server's side.
class Share {
 public:
  /// Told of each change: who did it, what was there, what is there now.
  using OnChange = std::function<void(int who, const Version& before, const Version& after)>;

  /// States are visible for `v` after their end.
  Share(World& world, Duration v);

  [[nodiscard]] const Version& current() const { return past_.back(); }

  /// The states that the path had within the last V, oldest first.
  [[nodiscard]] std::span<const Version> visible() const;

  /// Make the file unless it exists.
  bool create(int who, const std::string& content);
  /// Put a new file there, whatever was there.
  void put(int who, const std::string& content);
  /// open(2) with O_TRUNC and without O_EXCL; returns the inode.
  std::uint64_t truncate(int who);
  /// write(2) at offset 0 into `inode`, if it still stands there.
  void write(int who, std::uint64_t inode, const std::string& content);
  /// Write over the content of `inode`, if it still stands there.
  void update(int who, std::uint64_t inode, const std::string& content);
  /// Write its record back into the file that stands there, `inode`, by flock(2) or not.
  void restore(int who, std::uint64_t inode, const std::string& content, bool is_locked);
  /// A program empties the file that stands there, or cuts it to its first `length` bytes.
  void cut(std::size_t length);
  /// Keep the file that stands there.
  Kept keep();
  /// Does somebody keep `inode`?
  [[nodiscard]] bool is_kept(std::uint64_t inode) const;

  /// The host of `who` lost its power before the content was on the disk: what it made is empty.
  void lose_content(int who);
  /// Make the file with the first `length` bytes of what was to be in it: the disk is full.
  void make_in_part(int who, const std::string& content, std::size_t length);
  /// Remove the name, whatever it holds. False: it was not there.
  bool remove(int who);

  /// flock(2) on the file that stands there, until unlock() or the end of `process`. False:
  /// somebody else has it.
  bool lock(const std::shared_ptr<const Process>& process);
  void unlock(std::uint64_t inode) { locks_.erase(inode); }
  /// Does somebody hold flock(2) on the file that stands there?
  [[nodiscard]] bool locked() const;

  void on_change(OnChange handler) { on_change_ = std::move(handler); }
  /// Each of them is called when something has changed: what inotify(7) tells a holder.
  void on_any_change(std::function<void()> handler) { on_any_.push_back(std::move(handler)); }
  /// Each of them is called when the name has been removed: what inotify(7) tells.
  void on_removal(std::function<void()> handler) { on_removal_.push_back(std::move(handler)); }

 private:
  void change(int who, Version next);

  World& world_;
  Duration v_;
  std::vector<Version> past_;
  std::uint64_t last_inode_ = 0;
  std::map<std::uint64_t, std::shared_ptr<const Process>> locks_;  // by inode
  OnChange on_change_;
  std::vector<std::function<void()>> on_removal_;
  std::vector<std::function<void()>> on_any_;
  std::map<std::uint64_t, std::weak_ptr<const std::uint64_t>> kept_;  // by inode
};

}  // namespace ufl::sim
