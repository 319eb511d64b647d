// Files with wrong types, parameters and references, and what is said of them.

let wrongParameters: [WrongFile] = [
  WrongFile(
    "an unknown stage type",
    #"""
    stages:
      images: { stage: load-image }
      other: {}

    """#,
    says: #"""
      folder/main.yaml:2:20: error: unknown stage type 'load-image'
       2 |   images: { stage: load-image }
         |                    ^
        note: did you mean 'load-images'?
      folder/main.yaml:3:3: error: stage 'other' has no 'stage:', and no stage type has its name
       3 |   other: {}
         |   ^
        note: stage types: cluster, command, evaluate, group, load-images, retrain, table, train, unlearn
      """#),
  WrongFile(
    "an unknown parameter",
    #"""
    stages:
      images: { stage: load-images }
      base:
        stage: train
        inputs: { images: images }
        parameters: { epochs: 3, learning_rat: 0.1 }

    """#,
    says: #"""
      folder/main.yaml:6:30: error: train has no parameter 'learning_rat'
       6 |     parameters: { epochs: 3, learning_rat: 0.1 }
         |                              ^
        note: did you mean 'learning_rate'?
      """#),
  WrongFile(
    "a missing parameter",
    #"""
    stages:
      images: { stage: load-images }
      base:
        stage: train
        inputs: { images: images }

    """#,
    says: #"""
      folder/main.yaml:3:3: error: stage 'base' lacks the parameter 'epochs'
       3 |   base:
         |   ^
        note: it is an integer ≥ 1: how many
      """#),
  WrongFile(
    "wrong types",
    #"""
    stages:
      images: { stage: load-images }
      base:
        stage: train
        inputs: { images: images }
        parameters:
          epochs: x
          learning_rate: 11
          nesterov: yes
          widths: [100, 0, "84"]

    """#,
    says: #"""
      folder/main.yaml:7:15: error: parameter 'epochs': found the string 'x', expected an integer ≥ 1
       7 |       epochs: x
         |               ^
      folder/main.yaml:8:22: error: parameter 'learning_rate': found the integer 11, expected a number from 0.0 to 10.0
       8 |       learning_rate: 11
         |                      ^
      folder/main.yaml:9:17: error: parameter 'nesterov': found the string 'yes', expected true or false
       9 |       nesterov: yes
         |                 ^
      folder/main.yaml:10:21: error: parameter 'widths': found the integer 0, expected an integer ≥ 1
       10 |       widths: [100, 0, "84"]
          |                     ^
      """#),
  WrongFile(
    "a word that is no choice",
    #"""
    stages:
      images: { stage: load-images, parameters: { dataset: mnits } }

    """#,
    says: #"""
      folder/main.yaml:2:56: error: parameter 'dataset': found the string 'mnits', expected one of mnist, fashion-mnist
       2 |   images: { stage: load-images, parameters: { dataset: mnits } }
         |                                                        ^
        note: did you mean 'mnist'?
      """#),
  WrongFile(
    "a wrong type by reference",
    #"""
    parameters:
      epochs: many
    stages:
      images: { stage: load-images }
      base:
        stage: train
        inputs: { images: images }
        parameters: { epochs: "${epochs}" }

    """#,
    says: #"""
      folder/main.yaml:8:27: error: parameter 'epochs': found the string 'many', expected an integer ≥ 1
       8 |     parameters: { epochs: "${epochs}" }
         |                           ^
        note: '${epochs}' is given at folder/main.yaml:2:11
      """#),
  WrongFile(
    "a wrong type by an axis",
    #"""
    axes: { size: [10, 0] }
    stages:
      images: { stage: load-images }
      group:
        for: [size]
        inputs: { images: images }
        parameters: { label: 1, size: "${size}" }

    """#,
    says: #"""
      folder/main.yaml:7:35: error: parameter 'size': found the integer 0, expected an integer ≥ 1
       7 |     parameters: { label: 1, size: "${size}" }
         |                                   ^
        note: at size=0
      """#),
  WrongFile(
    "a stage's own check",
    #"""
    axes: { size: [10, 6000] }
    stages:
      images: { stage: load-images }
      group:
        for: size
        inputs: { images: images }
        parameters: { label: 1, size: "${size}" }

    """#,
    says: #"""
      folder/main.yaml:7:35: error: parameter 'size': a label has 5000 images, and a group of 6000 is larger
       7 |     parameters: { label: 1, size: "${size}" }
         |                                   ^
        note: at size=6000
      """#),
  WrongFile(
    "an unknown reference",
    #"""
    parameters:
      label: 1
      unused: "a ${lable} b ${sise}"
    axes: { size: 2 }
    stages:
      images: { stage: load-images }
      group:
        for: size
        inputs: { images: images }
        parameters: { label: "${labels}", size: "${repeat}" }

    """#,
    says: #"""
      folder/main.yaml:3:14: error: nothing is called 'lable'
       3 |   unused: "a ${lable} b ${sise}"
         |              ^
        note: did you mean 'label'?
      folder/main.yaml:3:25: error: nothing is called 'sise'
       3 |   unused: "a ${lable} b ${sise}"
         |                         ^
        note: parameters and axes: label, unused
      folder/main.yaml:10:27: error: nothing is called 'labels'
       10 |     parameters: { label: "${labels}", size: "${repeat}" }
          |                           ^
        note: did you mean 'label'?
      folder/main.yaml:10:46: error: nothing is called 'repeat'
       10 |     parameters: { label: "${labels}", size: "${repeat}" }
          |                                              ^
        note: parameters and axes: label, unused, size
      """#),
  WrongFile(
    "an axis that the stage lacks",
    #"""
    parameters:
      a: "${size}"
    axes: { size: 2 }
    stages:
      images: { stage: load-images }
      group:
        inputs: { images: images }
        parameters: { label: 1, size: "${size}" }

    """#,
    says: #"""
      folder/main.yaml:2:7: error: 'size' is an axis, and has a value only within a stage that expands over it
       2 |   a: "${size}"
         |       ^
      folder/main.yaml:8:36: error: 'size' is an axis that stage 'group' does not expand over
       8 |     parameters: { label: 1, size: "${size}" }
         |                                    ^
        note: add 'size' to its 'for'
      """#),
  WrongFile(
    "malformed references",
    #"""
    parameters:
      a: "${"
      b: "x ${a b}"
      c: "$${fine} ${}"
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:7: error: '${' without '}'
       2 |   a: "${"
         |       ^
        note: '$${' stands for the text '${'
      folder/main.yaml:3:9: error: '${a b}' names no parameter or axis
       3 |   b: "x ${a b}"
         |         ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
        note: '$${' stands for the text '${'
      folder/main.yaml:4:16: error: '${}' names no parameter or axis
       4 |   c: "$${fine} ${}"
         |                ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
        note: '$${' stands for the text '${'
      """#),
  WrongFile(
    "a reference in a key",
    #"""
    parameters:
      a: { "${b}": 1 }
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:8: error: a reference can't stand in a key
       2 |   a: { "${b}": 1 }
         |        ^
      """#),
  WrongFile(
    "a list within text",
    #"""
    parameters:
      a: [1]
      b: "x ${a}"
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:3:9: error: '${a}' is a list, which can't stand within text
       3 |   b: "x ${a}"
         |         ^
      """#),
  WrongFile(
    "a cycle of parameters",
    #"""
    parameters:
      a: "${b}"
      b: "x${c}"
      c: [1, "${a}"]
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:4:11: error: cycle of parameters: a → b → c → a
       4 |   c: [1, "${a}"]
         |           ^
      """#),
]
