#!/bin/sh
# Runs the compute engine's tests under the address, thread and undefined-behaviour sanitizers.
#
# usage: sanitize.sh [address|thread|undefined …]      default: all three
#
# They are built as a package of their own in .build/sanitize, of links to the engine's folders: the rest of the project
# and what it depends on need not be built three times more.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
package=$root/.build/sanitize/pipeline
mkdir -p "$package/Sources" "$package/Tests"
for folder in Formats/CLate Numerics/COpenBLAS Numerics/CKernels Numerics/Tensor Numerics/NeuralNet Tools/bench; do
  ln -sfn "$root/Sources/$folder" "$package/Sources/${folder#*/}"
done
for name in TensorTests NeuralNetTests; do ln -sfn "$root/Tests/$name" "$package/Tests/$name"; done
cat > "$package/Package.swift" <<'END'
// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "pipeline",
  targets: [
    .target(name: "CLate"),
    .target(name: "COpenBLAS", dependencies: ["CLate"]),
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-g"])]),
    .target(name: "Tensor", dependencies: ["CKernels", "COpenBLAS"]),
    .target(name: "NeuralNet", dependencies: ["Tensor", "CKernels"]),
    .executableTarget(name: "bench", dependencies: ["NeuralNet", "Tensor"]),
    .testTarget(name: "TensorTests", dependencies: ["Tensor"]),
    .testTarget(
      name: "NeuralNetTests", dependencies: ["NeuralNet", "Tensor", "CKernels", "bench"], exclude: ["Golden"]),
  ],
  swiftLanguageModes: [.v6]
)
END
# Foundation's Process.run leaves a weak reference's 32 bytes behind; nothing of ours is in the allocation.
echo 'leak:Foundation7ProcessC3run' > "$package/leaks.txt"
for sanitizer in ${*:-address thread undefined}; do
  echo "== $sanitizer"
  build="-c release --package-path $package --scratch-path $root/.build/sanitize/$sanitizer"
  if [ "$sanitizer" = undefined ]; then
    # Swift has none for Linux and traps of its own; the C kernels trap where they do what C leaves undefined.
    build="$build -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined"
  else
    build="$build --sanitize=$sanitizer"
  fi
  # shellcheck disable=SC2086 # several words on purpose
  swift build $build --build-tests
  # The C kernels are where undefined behaviour would be, in each of their variants.
  variants=$([ "$sanitizer" = undefined ] && echo avx512 avx2 baseline || echo avx512)
  for variant in $variants; do
    # shellcheck disable=SC2086
    PIPELINE_SANITIZER=$sanitizer PIPELINE_KERNELS=$variant \
      ASAN_OPTIONS=detect_stack_use_after_return=1 TSAN_OPTIONS=halt_on_error=1 \
      LSAN_OPTIONS=suppressions=$package/leaks.txt \
      swift test $build --skip-build --disable-xctest
  done
done
