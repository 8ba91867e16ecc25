// What the controllers' logs must not say, whatever happens to etcd, to the wire or to them.
#pragma once

#include <string>

namespace heddle::chaos {

// The lines that speak of a state that must never be: data that cannot be read or that differs,
// another history, an end by itself, or anything logged as an error that is not known to follow
// from a fault. "" if there is none.
std::string ForbiddenLines(const std::string& log);

}  // namespace heddle::chaos
