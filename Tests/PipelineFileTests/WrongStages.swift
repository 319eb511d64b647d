// Files with wrong inputs, sizes, external files and options, and what is said of them.

let wrongStages: [WrongFile] = [
  WrongFile(
    "an unknown slot",
    #"""
    stages:
      images: { stage: load-images }
      base:
        stage: train
        inputs: { image: images }
        parameters: { epochs: 1 }

    """#,
    says: #"""
      folder/main.yaml:5:15: error: train has no input 'image'
       5 |     inputs: { image: images }
         |               ^
        note: did you mean 'images'?
      """#),
  WrongFile(
    "a stage of the wrong type",
    #"""
    stages:
      images: { stage: load-images }
      base:
        stage: train
        inputs: { images: images }
        parameters: { epochs: 1 }
      group:
        inputs: { images: base }
        parameters: { label: 1 }
      again:
        stage: retrain
        inputs: { images: images, group: group, start: images }

    """#,
    says: #"""
      folder/main.yaml:8:23: error: input 'images' takes load-images; 'base' is train
       8 |     inputs: { images: base }
         |                       ^
      folder/main.yaml:12:52: error: input 'start' takes train or retrain; 'images' is load-images
       12 |     inputs: { images: images, group: group, start: images }
          |                                                    ^
      """#),
  WrongFile(
    "an unknown stage",
    #"""
    stages:
      images: { stage: load-images }
      base:
        stage: train
        inputs: { images: image }
        parameters: { epochs: 1 }

    """#,
    says: #"""
      folder/main.yaml:5:23: error: unknown stage 'image'
       5 |     inputs: { images: image }
         |                       ^
        note: did you mean 'images'?
      """#),
  WrongFile(
    "a list for one artifact",
    #"""
    stages:
      images: { stage: load-images }
      base:
        stage: train
        inputs: { images: [images] }
        parameters: { epochs: 1 }

    """#,
    says: #"""
      folder/main.yaml:5:23: error: found a list, expected the name of one stage
       5 |     inputs: { images: [images] }
         |                       ^
      """#),
  WrongFile(
    "no stage for a join",
    #"""
    stages:
      table: { inputs: { rows: [] } }
      other: { stage: table, inputs: { rows: 5 } }

    """#,
    says: #"""
      folder/main.yaml:2:28: error: found an empty list, expected a stage, a list of stages or a map of labels with stages
       2 |   table: { inputs: { rows: [] } }
         |                            ^
      folder/main.yaml:3:42: error: found the integer 5, expected the name of a stage
       3 |   other: { stage: table, inputs: { rows: 5 } }
         |                                          ^
      """#),
  WrongFile(
    "a label that breaks names",
    #"""
    stages:
      images: {stage: command, parameters: {argv: [a]}}
      all: {stage: command, parameters: {argv: [a]}, inputs: {i: {"a,b": images}}}

    """#,
    says: #"""
      folder/main.yaml:3:63: error: 'a,b' can't be a label
       3 |   all: {stage: command, parameters: {argv: [a]}, inputs: {i: {"a,b": images}}}
         |                                                               ^
        note: a label has no [ ] , = or line end, and from 1 to 100 characters
      """#),
  WrongFile(
    "an axis of an input that the consumer lacks",
    #"""
    axes: { size: [100, 500], repeat: 2 }
    stages:
      images: { stage: load-images }
      group:
        for: [size, repeat]
        inputs: { images: images }
        parameters: { label: 1 }
      again:
        stage: retrain
        inputs: { images: images, group: group }

    """#,
    says: #"""
      folder/main.yaml:10:38: error: input 'group' takes one artifact, but 'group' has one for each value of 'size' and 'repeat'
       10 |     inputs: { images: images, group: group }
          |                                      ^
        note: either add size, repeat to the 'for' of 'again'
        note: or pin it, as in 'group[size=100,repeat=0]'
      """#),
  WrongFile(
    "wrong pins",
    #"""
    axes: { size: [100, 500], repeat: 2 }
    stages:
      images: { stage: load-images }
      group:
        for: [size, repeat]
        inputs: { images: images }
        parameters: { label: 1 }
      a: { stage: table, inputs: { rows: "group[size=101]" } }
      b: { stage: table, inputs: { rows: "group[sise=100]" } }
      c: { stage: table, inputs: { rows: "group[]" } }
      d: { stage: table, inputs: { rows: "group[size=100" } }
      e: { stage: table, inputs: { rows: "group[size=100,size=500]" } }
      f: { stage: table, inputs: { rows: "group[size=${size}]" } }
      g: { stage: table, for: repeat, inputs: { rows: "group[size=${repeat}]" } }

    """#,
    says: #"""
      folder/main.yaml:8:38: error: 101 is no value of axis 'size'
       8 |   a: { stage: table, inputs: { rows: "group[size=101]" } }
         |                                      ^
        note: its values: 100, 500
      folder/main.yaml:9:38: error: 'group' has no axis 'sise'
       9 |   b: { stage: table, inputs: { rows: "group[sise=100]" } }
         |                                      ^
        note: did you mean 'size'?
      folder/main.yaml:10:38: error: '[]' pins no axis
       10 |   c: { stage: table, inputs: { rows: "group[]" } }
          |                                      ^
        note: a pinned input is written 'stage[axis=value,axis=value]'
      folder/main.yaml:11:38: error: 'group[size=100' has no ']' at its end
       11 |   d: { stage: table, inputs: { rows: "group[size=100" } }
          |                                      ^
      folder/main.yaml:12:38: error: axis 'size' is pinned twice
       12 |   e: { stage: table, inputs: { rows: "group[size=100,size=500]" } }
          |                                      ^
      folder/main.yaml:13:50: error: 'size' is an axis that stage 'f' does not expand over
       13 |   f: { stage: table, inputs: { rows: "group[size=${size}]" } }
          |                                                  ^
        note: add 'size' to its 'for'
      folder/main.yaml:14:51: error: ${repeat} takes the value 0, which is no value of axis 'size'
       14 |   g: { stage: table, for: repeat, inputs: { rows: "group[size=${repeat}]" } }
          |                                                   ^
        note: its values: 100, 500
      """#),
  WrongFile(
    "a cycle of inputs",
    #"""
    stages:
      a: { stage: command, parameters: { argv: [a] }, inputs: { i: b } }
      b: { stage: command, parameters: { argv: [b] }, inputs: { i: c } }
      c: { stage: command, parameters: { argv: [c] }, inputs: { i: a } }
      d: { stage: command, parameters: { argv: [d] }, inputs: { i: d } }

    """#,
    says: #"""
      folder/main.yaml:4:64: error: cycle of inputs: a → b → c → a
       4 |   c: { stage: command, parameters: { argv: [c] }, inputs: { i: a } }
         |                                                                ^
        note: each of these stages takes from the next
      folder/main.yaml:5:64: error: cycle of inputs: d → d
       5 |   d: { stage: command, parameters: { argv: [d] }, inputs: { i: d } }
         |                                                                ^
        note: each of these stages takes from the next
      """#),
  WrongFile(
    "a wrong timeout",
    #"""
    stages:
      images: { stage: load-images, timeout: -1 }
      other: { stage: load-images, timeout: soon }

    """#,
    says: #"""
      folder/main.yaml:2:42: error: 'timeout': found the integer -1, expected a number of seconds > 0
       2 |   images: { stage: load-images, timeout: -1 }
         |                                          ^
      folder/main.yaml:3:41: error: 'timeout': found the string 'soon', expected a number of seconds > 0
       3 |   other: { stage: load-images, timeout: soon }
         |                                         ^
      """#),
  WrongFile(
    "sections of the wrong shape",
    #"""
    parameters: 5
    axes: [a]
    stages:
      a: b
      b: { stage: load-images, for: {}, inputs: 3, parameters: [1] }
    description: 5

    """#,
    says: #"""
      folder/main.yaml:1:13: error: 'parameters': found the integer 5, expected a map of names with values
       1 | parameters: 5
         |             ^
      folder/main.yaml:2:7: error: 'axes': found a list, expected a map of names with lists of values
       2 | axes: [a]
         |       ^
      folder/main.yaml:4:6: error: found the string 'b', expected a stage: a map with any of stage, for, inputs, parameters, timeout
       4 |   a: b
         |      ^
      folder/main.yaml:5:33: error: found a map, expected a list of axes
       5 |   b: { stage: load-images, for: {}, inputs: 3, parameters: [1] }
         |                                 ^
      folder/main.yaml:5:45: error: 'inputs': found the integer 3, expected a map of slots with stages
       5 |   b: { stage: load-images, for: {}, inputs: 3, parameters: [1] }
         |                                             ^
      folder/main.yaml:5:60: error: 'parameters': found a list, expected a map of names with values
       5 |   b: { stage: load-images, for: {}, inputs: 3, parameters: [1] }
         |                                                            ^
      folder/main.yaml:6:14: error: 'description': found the integer 5, expected a string
       6 | description: 5
         |              ^
      """#),
  WrongFile(
    "too many nodes",
    #"""
    axes: { a: 2000, b: 2000 }
    stages:
      images:
        stage: load-images
        for: [a, b]

    """#,
    says: #"""
      folder/main.yaml:5:11: error: stage 'images' brings the plan to 4000000 nodes; at most 2000000 are possible
       5 |     for: [a, b]
         |           ^
      """#),
  WrongFile(
    "joins that are too large",
    #"""
    axes: { a: 2000, b: 10000 }
    stages:
      x: { stage: command, for: [a], parameters: { argv: [x] } }
      y: { stage: command, for: [b], parameters: { argv: [y] } }
      z:
        stage: command
        for: [a]
        parameters: { argv: [z] }
        inputs:
          i: [x, y]

    """#,
    says: #"""
      folder/main.yaml:10:10: error: input 'i' of 'z' brings the joins to 20002000 members; at most 10000000 are possible
       10 |       i: [x, y]
          |          ^
      """#),
  WrongFile(
    "an external file",
    #"""
    stages:
      a: { stage: command, parameters: { argv: [a], files: [here, ../there] } }
      b:
        stage: command
        parameters:
          argv: [a]
          files:
            - gone
      c: { stage: load-images, parameters: { folder: ../data } }

    """#,
    missing: ["folder/gone"],
    says: #"""
      folder/main.yaml:2:63: error: the file '../there' lies outside of the folder of the pipeline file
       2 |   a: { stage: command, parameters: { argv: [a], files: [here, ../there] } }
         |                                                               ^
        note: command reads files by paths relative to that folder, without leaving it
      folder/main.yaml:8:11: error: can't read the file 'gone': No such file or directory
       8 |         - gone
         |           ^
      """#),
  WrongFile(
    "extends without a file",
    #"""
    extends: base.yaml

    """#,
    says: #"""
      folder/main.yaml:1:10: error: can't read 'folder/base.yaml': No such file or directory
       1 | extends: base.yaml
         |          ^
      """#),
  WrongFile(
    "extends out of the folder",
    #"""
    extends: ../base.yaml

    """#,
    says: #"""
      folder/main.yaml:1:10: error: 'extends: ../base.yaml' leads out of the folder of the pipeline
       1 | extends: ../base.yaml
         |          ^
        note: a pipeline extends files of its own folder and of folders within
      """#),
  WrongFile(
    "a cycle of extends",
    #"""
    extends: base.yaml

    """#,
    others: ["folder/base.yaml": "extends: ./main.yaml\n"],
    says: #"""
      folder/base.yaml:1:10: error: cycle of 'extends': folder/main.yaml → folder/base.yaml → folder/main.yaml
       1 | extends: ./main.yaml
         |          ^
      """#),
  WrongFile(
    "errors where they are written",
    #"""
    extends: base.yaml
    stages:
      group: { parameters: { label: 10 } }
      base: null

    """#,
    others: [
      "folder/base.yaml":
        "stages:\n  images: { stage: load-images }\n  group:\n    inputs: { images: images }\n    parameters: { labe: 3, label: 1 }\n"
    ],
    says: #"""
      folder/main.yaml:3:33: error: parameter 'label': found the integer 10, expected an integer from 0 to 9
       3 |   group: { parameters: { label: 10 } }
         |                                 ^
      folder/main.yaml:4:3: error: there is no stage 'base' to remove
       4 |   base: null
         |   ^
        note: stages: images, group
      folder/base.yaml:5:19: error: group has no parameter 'labe'
       5 |     parameters: { labe: 3, label: 1 }
         |                   ^
        note: did you mean 'label'?
      """#),
  WrongFile(
    "nothing to remove",
    #"""
    stages:
      images: { stage: load-images }
      base: null
    axes: { size: null }

    """#,
    says: #"""
      folder/main.yaml:3:3: error: there is no stage 'base' to remove
       3 |   base: null
         |   ^
        note: an empty stage removes that of a file that is extended, and this file extends none
      folder/main.yaml:4:9: error: there is no axis 'size' to remove
       4 | axes: { size: null }
         |         ^
        note: an empty axis removes that of a file that is extended, and this file extends none
      """#),
  WrongFile(
    "wrong options",
    #"""
    parameters: { label: 1 }
    axes: { size: 2 }
    stages:
      images: { stage: load-images }
      group:
        for: size
        inputs: { images: images }
        parameters: { label: "${label}" }

    """#,
    overrides: [
      "lable=3", "dataset=mnist", "group.sise=3", "grop.size=3", "size=[1,", "label", "group.size=x",
      "images.dataset=7",
    ],
    says: #"""
      --set lable=3:1:1: error: unknown key 'lable'
       1 | lable=3
         | ^
        note: did you mean 'label'?
      --set dataset=mnist:1:1: error: unknown key 'dataset'
       1 | dataset=mnist
         | ^
        note: did you mean 'images.dataset'?
      --set group.sise=3:1:1: error: unknown key 'group.sise'
       1 | group.sise=3
         | ^
        note: did you mean 'group.size'?
      --set grop.size=3:1:1: error: unknown key 'grop.size'
       1 | grop.size=3
         | ^
        note: did you mean 'group.size'?
      --set size=[1,:1:9: error: this is not YAML: did not find expected node content
       1 | size=[1,
         |         ^
        note: while parsing a flow node that starts at --set size=[1,:1:9
      --set label:1:1: error: expected KEY=VALUE
       1 | label
         | ^
      --set group.size=x:1:12: error: parameter 'size': found the string 'x', expected an integer ≥ 1
       1 | group.size=x
         |            ^
      --set images.dataset=7:1:16: error: parameter 'dataset': found the integer 7, expected one of mnist, fashion-mnist
       1 | images.dataset=7
         |                ^
      """#),
  WrongFile(
    "an option of the wrong type",
    #"""
    parameters: { label: 1 }
    stages:
      images: { stage: load-images }
      group:
        inputs: { images: images }
        parameters: { label: "${label}" }

    """#,
    overrides: ["label=many"],
    says: #"""
      folder/main.yaml:6:26: error: parameter 'label': found the string 'many', expected an integer from 0 to 9
       6 |     parameters: { label: "${label}" }
         |                          ^
        note: '${label}' is given at --set label=many:1:7
      """#),
  WrongFile(
    "columns in characters",
    #"""
    parameters: { 'größe 👩‍👩‍👧': "${x}" }
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:1:15: error: 'größe 👩‍👩‍👧' can't name a parameter
       1 | parameters: { 'größe 👩‍👩‍👧': "${x}" }
         |               ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
      """#),
  WrongFile(
    "a caret under a tab",
    #"""
    stages:
      images: {\#tstage: load-image }

    """#,
    says: #"""
      folder/main.yaml:2:20: error: unknown stage type 'load-image'
       2 |   images: {\#tstage: load-image }
         |            \#t       ^
        note: did you mean 'load-images'?
      """#),
  WrongFile(
    "bare references within a flow map",
    #"""
    stages:
      images: { stage: load-images }
      group: { inputs: { images: images }, parameters: { label: ${lable}, size: ${a} } }

    """#,
    says: #"""
      folder/main.yaml:3:61: error: nothing is called 'lable'
       3 |   group: { inputs: { images: images }, parameters: { label: ${lable}, size: ${a} } }
         |                                                             ^
        note: there are no parameters and axes here
      folder/main.yaml:3:77: error: nothing is called 'a'
       3 |   group: { inputs: { images: images }, parameters: { label: ${lable}, size: ${a} } }
         |                                                                             ^
        note: there are no parameters and axes here
      """#),
  WrongFile(
    "a flow map that never ends, in an option",
    #"""
    stages:
      images: { stage: load-images }

    """#,
    overrides: ["a={"],
    says: #"""
      --set a={:1:4: error: this is not YAML: did not find expected node content
       1 | a={
         |    ^
        note: while parsing a flow node that starts at --set a={:1:4
      """#),
  WrongFile(
    "an option out of reach",
    #"""
    stages:
      images: { stage: load-images }

    """#,
    overrides: ["images.timeout=0", "images.folder=gone"], missing: ["folder/gone"],
    says: #"""
      --set images.timeout=0:1:16: error: 'timeout': found the integer 0, expected a number of seconds > 0
       1 | images.timeout=0
         |                ^
      --set images.folder=gone:1:15: error: can't read the file 'gone': No such file or directory
       1 | images.folder=gone
         |               ^
      """#),
]
