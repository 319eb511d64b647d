// Files with wrong cases, `for` and defaults, and what is said of them.

let wrongCases: [WrongFile] = [
  WrongFile(
    "a wrong case",
    #"""
    stages:
      images: { stage: load-images }
      base:
        stage: train
        cases:
          short: { epochs: 1, epocks: 2 }
          long: 3
          none: { parameters: { epochs: 1 }, epochs: 0 }
          "a,b": { epochs: 1 }

    """#,
    says: #"""
      folder/main.yaml:6:27: error: train has no parameter 'epocks'
       6 |       short: { epochs: 1, epocks: 2 }
         |                           ^
        note: did you mean 'epochs'?
      folder/main.yaml:7:13: error: found the integer 3, expected a case: a map of parameters, with 'for', 'inputs' and 'when' as in a stage
       7 |       long: 3
         |             ^
      folder/main.yaml:8:15: error: a case has no 'parameters:'
       8 |       none: { parameters: { epochs: 1 }, epochs: 0 }
         |               ^
        note: its parameters stand in it directly
      folder/main.yaml:8:50: error: parameter 'epochs': found the integer 0, expected an integer ≥ 1
       8 |       none: { parameters: { epochs: 1 }, epochs: 0 }
         |                                                  ^
      folder/main.yaml:9:7: error: 'a,b' can't be a label
       9 |       "a,b": { epochs: 1 }
         |       ^
        note: a label has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
      """#),
  WrongFile(
    "what only some cases lack",
    #"""
    stages:
      images: { stage: load-images }
      base: { stage: train, cases: { a: { epochs: 1 }, b: {} } }
      other: { stage: train, cases: { a: {}, b: {} } }
      group: { parameters: { label: 1 } }
      unlearn: { cases: { a: { inputs: [net: "base[a]"] }, b: {} } }

    """#,
    says: #"""
      folder/main.yaml:3:52: error: stage 'base[b]' lacks the parameter 'epochs'
       3 |   base: { stage: train, cases: { a: { epochs: 1 }, b: {} } }
         |                                                    ^
        note: it is an integer ≥ 1: how many
      folder/main.yaml:4:3: error: stage 'other' lacks the parameter 'epochs'
       4 |   other: { stage: train, cases: { a: {}, b: {} } }
         |   ^
        note: it is an integer ≥ 1: how many
      folder/main.yaml:6:56: error: stage 'unlearn[b]' lacks the input 'net'
       6 |   unlearn: { cases: { a: { inputs: [net: "base[a]"] }, b: {} } }
         |                                                        ^
        note: it takes train, retrain or unlearn
      """#),
  WrongFile(
    "cases where one is asked for",
    #"""
    defaults: { epochs: 1, label: 1 }
    stages:
      images: { stage: load-images }
      base: { stage: train, cases: { a: {}, b: {} } }
      group: {}
      retrain: {}
      e: { stage: evaluate, inputs: [net: base] }
      f: { stage: evaluate, inputs: [net: "base[c]"] }
      g: { stage: evaluate, inputs: [net: "retrain[a]"] }
      h: { stage: evaluate, inputs: [net: [base, retrain]] }
      i: { stage: evaluate, for: net, inputs: [net: [x: base, retrain]] }
      j: { stage: evaluate, for: net, inputs: [net: ["base[a]", a: retrain]] }
      k: { stage: table, inputs: [rows: [base, a: retrain]] }
      l: { stage: evaluate, for: net, inputs: [net: base], cases: { c: {} } }

    """#,
    says: #"""
      folder/main.yaml:7:39: error: input 'net' takes one artifact, but 'base' has one for each of its cases
       7 |   e: { stage: evaluate, inputs: [net: base] }
         |                                       ^
        note: cases: a, b
        note: either add 'net' to the 'for' of 'e'
        note: or name one, as in 'base[a]'
      folder/main.yaml:8:39: error: 'base' has no case 'c'
       8 |   f: { stage: evaluate, inputs: [net: "base[c]"] }
         |                                       ^
        note: did you mean 'a'?
      folder/main.yaml:9:39: error: 'retrain' has no case 'a'
       9 |   g: { stage: evaluate, inputs: [net: "retrain[a]"] }
         |                                       ^
        note: there are no cases here
      folder/main.yaml:10:39: error: found a list, expected the name of one stage
       10 |   h: { stage: evaluate, inputs: [net: [base, retrain]] }
          |                                       ^
        note: a list gives a case for each of its stages, if 'net' is in the 'for' of 'h' and no axis is called so
      folder/main.yaml:11:50: error: the label 'x' is one, but 'base' has the cases a, b
       11 |   i: { stage: evaluate, for: net, inputs: [net: [x: base, retrain]] }
          |                                                  ^
        note: in a list a stage without a label brings those of its cases; or name one, as in 'base[a]'
      folder/main.yaml:12:61: error: the label 'a' stands twice
       12 |   j: { stage: evaluate, for: net, inputs: [net: ["base[a]", a: retrain]] }
          |                                                             ^
        note: give one of them another label: 'label: stage'
      folder/main.yaml:13:47: error: the label 'a' stands for both 'base[a]' and 'retrain'
       13 |   k: { stage: table, inputs: [rows: [base, a: retrain]] }
          |                                               ^
        note: give one of them another label: 'label: stage'
      folder/main.yaml:14:65: error: 'c' is no case of what 'l' is 'for'
       14 |   l: { stage: evaluate, for: net, inputs: [net: base], cases: { c: {} } }
          |                                                                 ^
        note: did you mean 'a'?
      """#),
  WrongFile(
    "wrong names in for",
    #"""
    defaults: { epochs: 1, label: 1 }
    axes: { size: 2 }
    stages:
      images: { stage: load-images, for: size }
      base: { stage: train, for: image }
      group: { for: images }
      a: { stage: unlearn, for: [net, group], inputs: [net: b] }
      b: { stage: unlearn, for: [net, group], inputs: [net: a] }
      table: { for: rows, inputs: [rows: group] }

    """#,
    says: #"""
      folder/main.yaml:5:30: error: unknown axis 'image'
       5 |   base: { stage: train, for: image }
         |                              ^
        note: did you mean 'images'?
      folder/main.yaml:8:57: error: cycle of inputs: a → b → a
       8 |   b: { stage: unlearn, for: [net, group], inputs: [net: a] }
         |                                                         ^
        note: each of these stages takes from the next
      folder/main.yaml:9:17: error: 'for' can't follow the input 'rows', which takes many artifacts
       9 |   table: { for: rows, inputs: [rows: group] }
         |                 ^
      """#),
  WrongFile(
    "different cases in one for",
    #"""
    defaults: { epochs: 1, label: 1 }
    stages:
      images: { stage: load-images }
      base: { stage: train, cases: { a: {}, b: {} } }
      group: { cases: { near: {}, far: {} } }
      evaluate: { for: [net, group], inputs: [net: base] }

    """#,
    says: #"""
      folder/main.yaml:6:26: error: the inputs in 'for' of 'evaluate' bring different cases
       6 |   evaluate: { for: [net, group], inputs: [net: base] }
         |                          ^
        note: name one case of an input, as in 'stage[case]', or leave it out of 'for'
      """#),
  WrongFile(
    "wrong defaults",
    #"""
    parameters: { label: 3 }
    defaults: { epocs: 1, label: 4, damping: a }
    stages:
      images: { stage: load-images }
      base: { stage: train, parameters: { epochs: 1 } }
      group: {}
      unlearn: { inputs: [net: base] }

    """#,
    says: #"""
      folder/main.yaml:2:13: error: no type of stage has a parameter 'epocs', so it can't be among the defaults
       2 | defaults: { epocs: 1, label: 4, damping: a }
         |             ^
        note: did you mean 'epochs'?
      folder/main.yaml:2:23: error: 'label' names both a parameter and a default
       2 | defaults: { epocs: 1, label: 4, damping: a }
         |                       ^
        note: first given at folder/main.yaml:1:15
      folder/main.yaml:2:42: error: parameter 'damping': found the string 'a', expected a number from 0.0 to 10.0
       2 | defaults: { epocs: 1, label: 4, damping: a }
         |                                          ^
        note: 'defaults' give it to stage 'unlearn', of type unlearn
      """#),
  WrongFile(
    "wrong lists of inputs",
    #"""
    defaults: { epochs: 1 }
    stages:
      images: { stage: load-images }
      base: { stage: train, inputs: [images, images: images, { a: b, c: d }, 5] }

    """#,
    says: #"""
      folder/main.yaml:4:42: error: input 'images' stands twice
       4 |   base: { stage: train, inputs: [images, images: images, { a: b, c: d }, 5] }
         |                                          ^
        note: first given at folder/main.yaml:4:34
      folder/main.yaml:4:58: error: found a map, expected 'slot: stage' or a stage
       4 |   base: { stage: train, inputs: [images, images: images, { a: b, c: d }, 5] }
         |                                                          ^
      folder/main.yaml:4:74: error: found the integer 5, expected 'slot: stage' or a stage
       4 |   base: { stage: train, inputs: [images, images: images, { a: b, c: d }, 5] }
         |                                                                          ^
      """#),
]
