Feature: What a rule reads

  Scenario Outline: A shared rule is taken in by its name
    Given an evaluator
    And a String-flag with key "shared-rule" and a fallback value "mine"
    And a context containing a key "email", with type "String" and with value "<email>"
    And a context containing a key "age", with type "Integer" and with value "<age>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "<reason>"

    Examples:
      | email        | age | value | reason          |
      | ada@acme.com | 30  | yes   | TARGETING_MATCH |
      | ada@acme.com | 3   | no    | DEFAULT         |
      | bob@home.org | 30  | no    | DEFAULT         |

  Scenario Outline: The targeting key
    Given an evaluator
    And a String-flag with key "targeting-key" and a fallback value "mine"
    And a context containing a targeting key with value "<unit>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | unit | value |
      | u1   | yes   |
      | u2   | no    |

  Scenario Outline: What the evaluator adds, and what it does not
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a nested property with outer key "$flagd" and inner key "secret", with value "x"
    When the flag was evaluated with details
    Then the resolved details value should be "yes"

    Examples:
      | key                 |
      | flag-key            |
      | timestamp           |
      | no-other-properties |

  Scenario Outline: A path into an object
    Given an evaluator
    And a String-flag with key "nested" and a fallback value "mine"
    And a context containing a nested property with outer key "customer" and inner key "name", with value "<name>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | name  | value |
      | ingen | yes   |
      | other | no    |
