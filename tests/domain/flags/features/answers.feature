Feature: What a flag answers, and why

  Scenario Outline: Without targeting, the default is the answer
    Given an evaluator
    And a <type>-flag with key "<key>" and a fallback value "<fallback>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the variant should be "<variant>"
    And the reason should be "STATIC"

    Examples:
      | type    | key             | fallback | value          | variant  |
      | Boolean | plain-boolean   | false    | true           | on       |
      | String  | plain-string    | bye      | hi             | greeting |
      | Integer | plain-integer   | 1        | 10             | ten      |
      | Float   | plain-float     | 0.1      | 0.5            | half     |
      | Float   | declared-float  | 0.1      | 1.0            | one      |
      | Object  | plain-object    | {}       | {"columns": 3} | layout   |
      | String  | empty-targeting | bye      | A              | a        |

  Scenario Outline: A value that looks like nothing is a value
    Given an evaluator
    And a <type>-flag with key "<key>" and a fallback value "<fallback>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the variant should be "zero"

    Examples:
      | type    | key          | fallback | value |
      | Boolean | zero-boolean | true     | false |
      | String  | zero-string  | hi       |       |
      | Integer | zero-integer | 1        | 0     |
      | Float   | zero-float   | 0.1      | 0.0   |

  Scenario Outline: The caller's own default
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    When the flag was evaluated with details
    Then the resolved details value should be "mine"
    And the variant should be ""
    And the reason should be "<reason>"

    Examples:
      | key             | reason   |
      | disabled        | DISABLED |
      | without-default | DEFAULT  |
      | null-default    | DEFAULT  |

  Scenario: A flag without a default, and targeting that matches
    Given an evaluator
    And a String-flag with key "null-default" and a fallback value "mine"
    And a context containing a key "tier", with type "String" and with value "gold"
    When the flag was evaluated with details
    Then the resolved details value should be "A"
    And the reason should be "TARGETING_MATCH"

  Scenario Outline: Errors
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    When the flag was evaluated with details
    Then the resolved details value should be "mine"
    And the reason should be "ERROR"
    And the error-code should be "<code>"

    Examples:
      | key               | code           |
      | nowhere           | FLAG_NOT_FOUND |
      | wrong-default     | GENERAL        |
      | unknown-variant   | GENERAL        |
      | unknown-operator  | PARSE_ERROR    |
      | unknown-reference | PARSE_ERROR    |
      | bad-state         | PARSE_ERROR    |

  Scenario: What is not reached does no harm
    Given an evaluator
    And a String-flag with key "unknown-operator-not-reached" and a fallback value "mine"
    When the flag was evaluated with details
    Then the resolved details value should be "A"

  Scenario Outline: A condition alone names the variants true and false
    Given an evaluator
    And a String-flag with key "boolean-shorthand" and a fallback value "mine"
    And a context containing a key "email", with type "String" and with value "<email>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "TARGETING_MATCH"

    Examples:
      | email        | value |
      | ada@acme.com | T     |
      | bob@home.org | F     |

  Scenario: Metadata comes along
    Given an evaluator
    And a String-flag with key "with-metadata" and a fallback value "mine"
    When the flag was evaluated with details
    Then the resolved metadata should contain
      | key      | metadata_type | value |
      | owner    | String        | ada   |
      | attempts | Integer       | 3     |
      | beta     | Boolean       | true  |

  Scenario: There need be none
    Given an evaluator
    And a String-flag with key "plain-string" and a fallback value "mine"
    When the flag was evaluated with details
    Then the resolved metadata is empty
