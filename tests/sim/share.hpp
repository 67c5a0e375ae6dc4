// SPDX-License-Identifier: MIT
//
// The simulated share: one path at the server, with its past, and each contender's own client of
// it. A client may see any state that the server had within the last V; what it writes lands at the
// server at most B after its last look, and at most W after its close has returned.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include "seams/file_system.hpp"
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
  unsigned held_back = 0;         ///< operations that get lags rather than none
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
  std::string cut_from;
};

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
  /// The host of `who` lost its power before the content was on the disk: what it made is empty.
  void lose_content(int who);
  /// Make the file with the first `length` bytes of what was to be in it: the disk is full.
  void make_in_part(int who, const std::string& content, std::size_t length);
  /// Remove the name, whatever it holds. False: it was not there.
  bool remove(int who);

  void on_change(OnChange handler) { on_change_ = std::move(handler); }

 private:
  void change(int who, Version next);

  World& world_;
  Duration v_;
  std::vector<Version> past_;
  std::uint64_t last_inode_ = 0;
  OnChange on_change_;
};

/// One contender's client: the file-system seam, and what a five-step contender needs besides.
class Client final : public FileSystem {
 public:
  /// `alive` turns false when the host of the contender dies.
  Client(World& world, Share& share, const ShareKnobs& knobs, int who,
         std::shared_ptr<const bool> alive);

  void start(const FileOperation& operation, Done done) override;

  /// Open for writing, truncating, not exclusive; write; close.
  void overwrite(const std::string& content, const Done& done);

  /// What it wrote landed, or will land, after it was told of an error: the share broke its word.
  [[nodiscard]] bool betrayed() const { return betrayed_; }

 private:
  struct Landing {
    Moment begins{};  // the name is made, or the file truncated
    Moment ends{};    // the content is there
    Moment returns{};
  };
  void read(std::size_t limit, Done done);
  FileReply see();
  FileReply see_server();
  void create(const CreateExclusive& operation, const Done& done);
  void create_exclusively(const std::string& content, const Landing& when, const Done& done);
  void remove(const Done& done);
  void land(const std::string& content, const Landing& when, bool whole);
  [[nodiscard]] FileReply already_exists() const;
  FileReply lost_reply();
  void run_out_of_space(const std::string& content, Moment returns, const Done& done);
  void at_server(Moment when, World::Action action);
  void reply(Moment when, FileReply reply, const Done& done);
  void fail_later(const Landing& when, const Done& done);

  Landing landing(bool may_be_overdue);
  Duration lag(Duration most);
  void tell(const std::string& text) const;

  World& world_;
  Share& share_;
  ShareKnobs knobs_;
  int who_;
  std::shared_ptr<const bool> alive_;
  Moment looked_at_{};
  // What this client has written and the server does not have yet.
  Moment pending_until_{};
  std::optional<std::string> pending_;  // none: removed
  // What is on its way to the server, in the order in which it was asked for; until when.
  std::queue<World::Action> at_server_;
  Moment on_its_way_until_{};
  bool betrayed_ = false;
};

}  // namespace ufl::sim
