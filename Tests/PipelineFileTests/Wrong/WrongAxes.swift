// Files with wrong axes or too many nodes, and what is said of them.

let wrongAxes: [WrongFile] = [
  WrongFile(
    "a name for an axis and a parameter",
    #"""
    parameters:
      size: 1
    axes:
      size: [1, 2]
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:4:3: error: 'size' names both a parameter and an axis
       4 |   size: [1, 2]
         |   ^
        note: first given at folder/main.yaml:2:3
      """#),
  WrongFile(
    "an axis without values",
    #"""
    axes:
      a: []
      b: 0
      c: -3
      d:
        -\#u{20}
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:6: error: axis 'a' has no values
       2 |   a: []
         |      ^
      folder/main.yaml:3:6: error: axis 'b' has no values: a count must be at least 1
       3 |   b: 0
         |      ^
      folder/main.yaml:4:6: error: axis 'c' has no values: a count must be at least 1
       4 |   c: -3
         |      ^
      folder/main.yaml:6:6: error: axis 'd': found null, expected a number, a string, true or false
       6 |     -\#u{20}
         |      ^
      """#),
  WrongFile(
    "an axis with repeated values",
    #"""
    axes:
      a: [1, 2, 1.0]
      b: [x, y, 'x']
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:13: error: axis 'a' has the value 1 twice
       2 |   a: [1, 2, 1.0]
         |             ^
        note: first given at folder/main.yaml:2:7
      folder/main.yaml:3:13: error: axis 'b' has the value x twice
       3 |   b: [x, y, 'x']
         |             ^
        note: first given at folder/main.yaml:3:7
      """#),
  WrongFile(
    "an axis of lists",
    #"""
    axes:
      a: [1, [2], {x: 1}, null]
      b: text
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:10: error: axis 'a': found a list, expected a number, a string, true or false
       2 |   a: [1, [2], {x: 1}, null]
         |          ^
      folder/main.yaml:2:15: error: axis 'a': found a map, expected a number, a string, true or false
       2 |   a: [1, [2], {x: 1}, null]
         |               ^
      folder/main.yaml:2:23: error: axis 'a': found null, expected a number, a string, true or false
       2 |   a: [1, [2], {x: 1}, null]
         |                       ^
      folder/main.yaml:3:6: error: axis 'b': found the string 'text', expected a list of values or a count
       3 |   b: text
         |      ^
      """#),
  WrongFile(
    "an axis whose values break names",
    #"""
    axes:
      a: ['x,y', 'a=b', '']
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:7: error: axis 'a': the string 'x,y' can't stand in the name of a node
       2 |   a: ['x,y', 'a=b', '']
         |       ^
        note: a value of an axis has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
      folder/main.yaml:2:14: error: axis 'a': the string 'a=b' can't stand in the name of a node
       2 |   a: ['x,y', 'a=b', '']
         |              ^
        note: a value of an axis has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
      folder/main.yaml:2:21: error: axis 'a': the string '' can't stand in the name of a node
       2 |   a: ['x,y', 'a=b', '']
         |                     ^
        note: a value of an axis has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
      """#),
  WrongFile(
    "an axis that is too long",
    #"""
    axes:
      a: 1000000000000
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:6: error: axis 'a' has 1000000000000 values; at most 2000000 are possible
       2 |   a: 1000000000000
         |      ^
      """#),
  WrongFile(
    "an unknown axis",
    #"""
    axes: { size: 3 }
    stages:
      images: { stage: load-images, for: [sise] }

    """#,
    says: #"""
      folder/main.yaml:3:39: error: unknown axis 'sise'
       3 |   images: { stage: load-images, for: [sise] }
         |                                       ^
        note: did you mean 'size'?
      """#),
  WrongFile(
    "an input in for that nothing is given to",
    #"""
    stages:
      images: { stage: load-images }
      far: { stage: group, for: cluster, inputs: [images], parameters: { label: 0 } }

    """#,
    says: #"""
      folder/main.yaml:3:29: error: 'for' names the input 'cluster', which nothing is given to
       3 |   far: { stage: group, for: cluster, inputs: [images], parameters: { label: 0 } }
         |                             ^
        note: add it to 'inputs', or take it out here
      """#),
  WrongFile(
    "an axis twice in for",
    #"""
    axes: { size: 3 }
    stages:
      images: { stage: load-images, for: [size, size] }

    """#,
    says: #"""
      folder/main.yaml:3:45: error: axis 'size' stands twice in 'for'
       3 |   images: { stage: load-images, for: [size, size] }
         |                                             ^
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
]
