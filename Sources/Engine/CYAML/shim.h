// libyaml, the reader of YAML.
#include <yaml.h>
