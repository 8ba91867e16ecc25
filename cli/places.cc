#include "cli/places.h"

#include "absl/strings/str_split.h"
#include "cli/command_line.h"

namespace heddle::cli {
namespace {

Flag FlagOf(const CLI::Option& option) {
  Flag flag;
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  flag.description = FirstSentence(option.get_description());
  flag.takes_value = option.get_items_expected_max() > 0;
  const std::string type = option.get_type_name();
  if (flag.takes_value && type.find('|') != std::string::npos) {
    flag.choices = absl::StrSplit(type, '|');
  }
  flag.takes_file = flag.takes_value && type == kFileType;
  return flag;
}

void Collect(const CLI::App& app, const std::string& path, std::vector<Place>* places) {
  Place place;
  place.path = path;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) {
      place.flags.push_back(FlagOf(*option));
    } else if (place.positional_type.empty()) {
      place.positional_type = option->get_type_name();
    }
  }
  const std::vector<const CLI::App*> children = app.get_subcommands({});
  for (const CLI::App* child : children) {
    place.words.emplace_back(child->get_name(), FirstSentence(child->get_description()));
  }
  places->push_back(std::move(place));
  for (const CLI::App* child : children) {
    Collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), places);
  }
}

}  // namespace

std::string FirstSentence(const std::string& text) {
  const std::size_t end = text.find(". ");
  return end == std::string::npos ? text : text.substr(0, end + 1);
}

std::vector<Place> PlacesOf(const CLI::App& app) {
  std::vector<Place> places;
  Collect(app, "", &places);
  return places;
}

std::string ListCommand(const std::string& noun) {
  return "heddlectl " + noun + " list -o name --timeout-seconds 2 2>/dev/null";
}

std::string NounOf(const std::string& positional_type) {
  if (positional_type == kNodeType) return "node";
  if (positional_type == kTokenType) return "token";
  if (positional_type == kSerialType) return "cert";
  return positional_type == kControllerType ? "controller" : "";
}

}  // namespace heddle::cli
