// Files with wrong inputs, and what is said of them.

let wrongInputs: [WrongFile] = [
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
        note: a list gives a case for each of its stages, if 'images' is in the 'for' of 'base' and no axis is called so
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
        note: a label has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
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
      folder/main.yaml:10:38: error: '[]' names no one case and pins no axis
       10 |   c: { stage: table, inputs: { rows: "group[]" } }
          |                                      ^
        note: an input is written 'stage', 'stage[case]' or 'stage[case,axis=value,axis=value]'
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
]
