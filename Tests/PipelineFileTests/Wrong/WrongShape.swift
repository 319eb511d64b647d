// Files whose sections have the wrong shape, and what is said of them.

let wrongShape: [WrongFile] = [
  WrongFile(
    "an empty file",
    #"""
    # nothing

    """#,
    says: #"""
      folder/main.yaml:1:1: error: the file is empty
       1 | # nothing
         | ^
        note: a pipeline file has at least 'stages:' or 'extends:'
      """#),
  WrongFile(
    "a file that is no map",
    #"""
    - a
    - b

    """#,
    says: #"""
      folder/main.yaml:1:1: error: found a list, expected a map
       1 | - a
         | ^
        note: the keys of a pipeline file: description, extends, parameters, defaults, axes, zip, exclude, notes, stages, publish
      """#),
  WrongFile(
    "a scalar",
    #"""
    hello
    """#,
    says: #"""
      folder/main.yaml:1:1: error: found the string 'hello', expected a map
       1 | hello
         | ^
        note: the keys of a pipeline file: description, extends, parameters, defaults, axes, zip, exclude, notes, stages, publish
      """#),
  WrongFile(
    "no stages",
    #"""
    parameters:
      a: 1

    """#,
    says: #"""
      folder/main.yaml:1:1: error: the pipeline has no stages
       1 | parameters:
         | ^
      """#),
  WrongFile(
    "stages that are empty",
    #"""
    description: x
    stages:

    """#,
    says: #"""
      folder/main.yaml:2:1: error: the pipeline has no stages
       2 | stages:
         | ^
      """#),
  WrongFile(
    "an unknown key",
    #"""
    stage:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:1:1: error: unknown key 'stage'
       1 | stage:
         | ^
        note: did you mean 'stages'?
      """#),
  WrongFile(
    "an unknown key of a stage",
    #"""
    stages:
      images:
        stage: load-images
        dataset: mnist

    """#,
    says: #"""
      folder/main.yaml:4:5: error: unknown key 'dataset' in stage 'images'
       4 |     dataset: mnist
         |     ^
        note: keys of a stage: stage, for, inputs, parameters, cases, when, timeout
        note: a stage's own parameters stand under 'parameters:'
      """#),
  WrongFile(
    "a note on nothing",
    #"""
    parameters: { rate: 1 }
    stages: { images: { stage: load-images } }
    notes:
      rates: why

    """#,
    says: #"""
      folder/main.yaml:4:3: error: there is no parameter or axis 'rates' to note anything of
       4 |   rates: why
         |   ^
        note: did you mean 'rate'?
      """#),
  WrongFile(
    "a note that is no text",
    #"""
    parameters: { rate: 1 }
    stages: { images: { stage: load-images } }

    notes:
      rate: 5

    """#,
    says: #"""
      folder/main.yaml:5:9: error: the note of 'rate': found the integer 5, expected a text
       5 |   rate: 5
         |         ^
      """#),
  WrongFile(
    "a name with a space",
    #"""
    parameters:
      a b: 1
    axes: { 1st: 3 }
    stages:
      my stage: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:3: error: 'a b' can't name a parameter
       2 |   a b: 1
         |   ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
      folder/main.yaml:3:9: error: '1st' can't name an axis
       3 | axes: { 1st: 3 }
         |         ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
      folder/main.yaml:5:3: error: 'my stage' can't name a stage
       5 |   my stage: { stage: load-images }
         |   ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
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
      folder/main.yaml:4:6: error: found the string 'b', expected a stage: a map with any of stage, for, inputs, parameters, cases, when, timeout
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
    "wrong publications",
    #"""
    axes: {size: [1, 2]}
    stages:
      images: {stage: load-images}
      group: {for: size, parameters: {label: 1, size: "${size}"}}
    publish:
      ../out: images
      results: [image, "group[sise=1]", 3]
      most: "group[size>two]"
      few: "group[size<1]"
      none: []
    """#,
    says: #"""
      folder/main.yaml:6:3: error: '../out' is no folder to publish into
       6 |   ../out: images
         |   ^
        note: it is a path below the project's root, as in 'results' or 'results/figures'
      """#),
  WrongFile(
    "publications of no node",
    #"""
    axes: {size: [1, 2]}
    stages:
      images: {stage: load-images}
      group: {for: size, parameters: {label: 1, size: "${size}"}}
    publish:
      results: [image, "group[sise=1]", 3]
      most: "group[size>two]"
      few: "group[size<1]"
      none: []
    """#,
    says: #"""
      folder/main.yaml:6:13: error: pipeline main has no node or stage 'image'
       6 |   results: [image, "group[sise=1]", 3]
         |             ^
        note: did you mean 'images'?
      folder/main.yaml:6:20: error: 'group' has no axis 'sise'
       6 |   results: [image, "group[sise=1]", 3]
         |                    ^
        note: did you mean 'size'?
      folder/main.yaml:6:37: error: found the integer 3, expected a node or a list of nodes to publish
       6 |   results: [image, "group[sise=1]", 3]
         |                                     ^
      folder/main.yaml:7:9: error: '>' compares numbers; found 'two' and, as a value of axis 'size', '1'
       7 |   most: "group[size>two]"
         |         ^
        note: texts can be compared by = and !=
      folder/main.yaml:8:8: error: no node is meant by 'group[size<1]'
       8 |   few: "group[size<1]"
         |        ^
        note: size: 1, 2
      folder/main.yaml:9:9: error: found an empty list, expected a node or a list of nodes to publish
       9 |   none: []
         |         ^
      """#),
]
