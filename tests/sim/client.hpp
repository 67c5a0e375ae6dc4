// SPDX-License-Identifier: MIT
//
// Each contender's own client of the simulated share. A client may see any state that the server
// had within the last V; what it writes lands at the server at most B after its last look, and at
// most W after its close has returned.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>

#include "seams/file_system.hpp"
#include "sim/process.hpp"
#include "sim/share.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// One contender's client: the file-system seam, and what a five-step contender needs besides.
class Client final : public FileSystem {
 public:
  Client(World& world, Share& share, const ShareKnobs& knobs, int who,
         std::shared_ptr<const Process> process);

  void start(const FileOperation& operation, Done done) override;

  /// Open for writing, truncating, not exclusive; write; close.
  void overwrite(const std::string& content, const Done& done);

  /// What it wrote landed, or will land, after it was told of an error: the share broke its word.
  [[nodiscard]] bool betrayed() const { return betrayed_; }

  /// Since measure(): has no operation taken longer than `takes`, and not one after the other
  /// failed?
  [[nodiscard]] bool was_well(Duration takes) const;
  void measure();

  /// The file that it keeps, if it keeps one; another process may keep it, too.
  [[nodiscard]] const Kept& kept() const { return kept_; }
  /// Its process has ended.
  void let_go() { kept_.reset(); }
  /// It does not see that others keep a file: only mutants do that.
  void ignore_keepers() { ignores_keepers_ = true; }

  /// From now on writes in place may hang.
  void let_hang() { may_hang_ = true; }
  /// It waits for an answer that never comes.
  [[nodiscard]] bool hangs() const { return hangs_; }

  /// A temporary file of its stands, and nothing has kept it from being removed.
  [[nodiscard]] bool litters() const { return !temporaries_.empty() && !keeps_temporaries_; }

 private:
  struct Landing {
    Moment begins{};  // the name is made, or the file truncated
    Moment ends{};    // the content is there
    Moment returns{};
  };
  void perform(const FileOperation& operation, Done done);
  void read(const ReadFile& operation, Done done);
  [[nodiscard]] Keeper keeper_of(std::uint64_t inode) const;
  FileReply see();
  FileReply see_server();
  void create(const CreateExclusive& operation, const Done& done);
  void create_exclusively(const CreateExclusive& operation, const Landing& when, const Done& done);
  void remove(const OnlyIf& only_if, const Done& done);
  void replace(const ReplaceFile& operation, const Done& done);
  void update(const UpdateFile& operation, const Done& done);
  void write_over(std::uint64_t inode, const UpdateFile& operation, bool is_locked,
                  const Done& done);
  void create_temporary(const CreateExclusive& operation, const Done& done);
  void remove_temporary(const std::string& name, const Done& done);
  using Act = std::function<FileReply()>;
  void guarded(const std::string& expected, const Landing& when, const Act& act, const Done& done);
  void guarded_at_once(const std::string& expected, const Landing& when, const Act& act,
                       const Done& done);
  bool is_in_use();
  FileReply remove_now();
  FileReply replied_twice(FileReply first);
  void land(const std::string& content, const Landing& when, bool whole);
  [[nodiscard]] FileReply already_exists() const;
  FileReply lost_reply();
  static FileReply made(bool is_kept);
  void run_out_of_space(const std::string& content, Moment returns, const Done& done);
  void at_server(Moment when, World::Action action);
  [[nodiscard]] bool was_not_sent(const Landing& when);
  World::Action unless_stopped(World::Action action);
  World::Action unless_in_the_call(Moment returns, World::Action action);
  void reply(Moment when, FileReply reply, const Done& done);
  void fail_later(const Landing& when, const Done& done);

  Landing landing(bool may_be_overdue);
  Duration lag(Duration most);
  void tell(const std::string& text) const;

  World& world_;
  Share& share_;
  ShareKnobs knobs_;
  int who_;
  std::shared_ptr<const Process> process_;
  Moment looked_at_{};
  // What this client has written and the server does not have yet.
  Moment pending_until_{};
  std::optional<std::string> pending_;  // none: removed
  std::uint64_t pending_inode_ = 0;     // where that is written; 0: not known yet
  // What is on its way to the server, in the order in which it was asked for; until when.
  std::queue<World::Action> at_server_;
  Moment on_its_way_until_{};
  std::optional<Moment> asked_;  // the operation that is under way
  Duration slowest_{};
  int failures_ = 0;  // in a row
  int most_failures_ = 0;
  bool betrayed_ = false;
  bool may_hang_ = false;
  bool hangs_ = false;
  std::map<std::string, std::string> temporaries_;  // files beside the lock that only it knows
  bool keeps_temporaries_ = false;                  // one could not be removed
  bool keeps_next_ = false;  // the temporary file, as soon as it is the lock file
  Kept kept_;
  bool ignores_keepers_ = false;
};

}  // namespace ufl::sim
