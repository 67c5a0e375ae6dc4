// SPDX-License-Identifier: MIT

#include "cli/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "report/text.hpp"

namespace ufl {

namespace {

// Not "quoted": argument-dependent lookup would find std::quoted() too.
std::string in_quotes(std::string_view word) { return "'" + printable(word) + "'"; }

[[noreturn]] void refuse(const std::string& why) { throw UsageError{why + "; see ufl --help"}; }

[[noreturn]] void refuse_unknown(std::string_view word) {
  const std::string_view why = impossible_option(word);
  if (!why.empty())
    refuse("flock's " + std::string{word} + " is not possible here: " + std::string{why});
  if (word.starts_with("--")) {
    const std::string_view meant = suggest_long(word.substr(2));
    if (!meant.empty()) {
      refuse("unknown option " + in_quotes(word) + ", did you mean '--" + std::string{meant} +
             "'?");
    }
  }
  refuse("unknown option " + in_quotes(word));
}

[[noreturn]] void refuse_value(const std::string& flag, std::string_view word) {
  refuse(flag + " takes no value, but got " + in_quotes(word));
}

class Splitter {
 public:
  explicit Splitter(std::span<const std::string> words) : words_{words} {}

  SplitWords split() {
    while (next_ < words_.size() && !stopped_) {
      const std::string& word = words_[next_++];
      if (word == "--") {
        after_separator();
      } else if (word.starts_with("--")) {
        long_option(word);
      } else if (word.size() > 1 && word.front() == '-') {
        short_options(word);
      } else {
        operand();
      }
    }
    return std::move(result_);
  }

 private:
  void operand() {
    if (!result_.lock_file) {
      result_.lock_file = words_[next_ - 1];
    } else if (result_.action != Action::run) {
      result_.command.push_back(words_[next_ - 1]);
    } else {
      --next_;
      take_command();
    }
  }

  // The word after it is taken as it is; after a verb, all that follow are.
  void after_separator() {
    if (result_.lock_file && result_.action == Action::run) return take_command();
    if (!result_.lock_file && next_ < words_.size()) result_.lock_file = words_[next_++];
    while (result_.action != Action::run && next_ < words_.size()) {
      result_.command.push_back(words_[next_++]);
    }
  }

  void take_command() {
    result_.command.assign(words_.begin() + static_cast<std::ptrdiff_t>(next_), words_.end());
    next_ = words_.size();
  }

  void long_option(const std::string& word) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const OptionSpec* option = find_long(std::string_view{name}.substr(2));
    if (option == nullptr) refuse_unknown(name);
    if (option->value.empty()) {
      if (equals != std::string::npos) refuse_value(name, word);
      give(*option, {});
    } else if (equals != std::string::npos) {
      give(*option, word.substr(equals + 1));
    } else {
      give(*option, next_value(name, *option));
    }
  }

  // One word may hold several flags and, last, one option with its value: -nvw5.
  void short_options(const std::string& word) {
    for (std::size_t i = 1; i < word.size() && !stopped_; ++i) {
      const std::string name{'-', word[i]};
      const OptionSpec* option = find_short(word[i]);
      if (option == nullptr) {
        if (i == 1 || !impossible_option(name).empty()) refuse_unknown(name);
        if (word[i] == '=') refuse_value(std::string{'-', word[i - 1]}, word);
        refuse(unknown_in_cluster(word, i));
      }
      if (option->value.empty()) {
        give(*option, {});
        continue;
      }
      const std::string rest = word.substr(i + 1);
      if (rest.starts_with('=')) {
        refuse(fmt::format("{} makes {} the value of {}; write {} or {}", in_quotes(word),
                           in_quotes(rest), name, shell_quote({name + rest.substr(1)}),
                           shell_quote({fmt::format("--{}{}", option->longs[0], rest)})));
      }
      give(*option, rest.empty() ? next_value(name, *option) : rest);
      return;
    }
  }

  static std::string unknown_in_cluster(const std::string& word, std::size_t at) {
    const std::string before{'-', word[at - 1]};
    return "in " + in_quotes(word) + ", " + before + " takes no value and " +
           in_quotes(std::string{'-', word[at]}) + " is no option";
  }

  std::string next_value(const std::string& name, const OptionSpec& option) {
    if (next_ == words_.size()) {
      refuse(name + " needs a value (" + std::string{option.value} + ")");
    }
    return words_[next_++];
  }

  void give(const OptionSpec& option, std::string value) {
    result_.options.push_back({&option, std::move(value)});
    const auto verb = verb_of(option.id);
    if (!verb) return;
    stopped_ = *verb == Action::help || *verb == Action::version;
    const bool another = result_.action != Action::run && result_.action != *verb;
    if (another && !stopped_) {
      refuse(name_of(result_.action) + " and " + name_of(*verb) + " given; leave one out");
    }
    result_.action = *verb;
  }

  std::span<const std::string> words_;
  std::size_t next_ = 0;
  bool stopped_ = false;
  SplitWords result_;
};

}  // namespace

SplitWords split_words(std::span<const std::string> words) { return Splitter{words}.split(); }

}  // namespace ufl
