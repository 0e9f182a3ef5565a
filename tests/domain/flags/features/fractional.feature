Feature: Fractions of users, with both hashes

  Scenario Outline: By the targeting key
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a targeting key with value "<unit>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key                | unit                                                         | value |
      | split-v2           | user-1                                                       | b     |
      | split-v2           | user-2                                                       | b     |
      | split-v2           | user-3                                                       | a     |
      | split-v2           | user-4                                                       | b     |
      | split-v2           | ünïcode                                                      | b     |
      | split-v2           | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | a     |
      | split-evenly-v2    | user-1                                                       | a     |
      | split-evenly-v2    | user-2                                                       | b     |
      | split-evenly-v2    | user-3                                                       | b     |
      | split-all-v2       | user-1                                                       | b     |
      | split-too-heavy-v2 | user-1                                                       | c     |
      | split-v3           | user-1                                                       | a     |
      | split-v3           | user-2                                                       | b     |
      | split-v3           | user-3                                                       | a     |
      | split-v3           | user-4                                                       | b     |
      | split-v3           | ünïcode                                                      | b     |
      | split-v3           | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | a     |
      | split-evenly-v3    | user-1                                                       | b     |
      | split-evenly-v3    | user-2                                                       | a     |
      | split-evenly-v3    | user-3                                                       | a     |
      | split-all-v3       | user-1                                                       | b     |
      | split-too-heavy-v3 | user-1                                                       | c     |

  Scenario Outline: By what the rule says
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "email", with type "String" and with value "<email>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key         | email        | value |
      | split-by-v2 | ada@acme.com | c     |
      | split-by-v2 | bob@acme.com | b     |
      | split-by-v2 | cyd@acme.com | c     |
      | split-by-v2 | dan@acme.com | b     |
      | split-by-v2 | eve@acme.com | c     |
      | split-by-v3 | ada@acme.com | a     |
      | split-by-v3 | bob@acme.com | b     |
      | split-by-v3 | cyd@acme.com | c     |
      | split-by-v3 | dan@acme.com | c     |
      | split-by-v3 | eve@acme.com | a     |

  Scenario Outline: By a number, which v3 alone can
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "account", with type "Integer" and with value "<account>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key                | account | value |
      | split-by-number-v3 | 1       | b     |
      | split-by-number-v3 | 2       | a     |
      | split-by-number-v3 | 300     | b     |
      | split-by-number-v2 | 1       | c     |

  Scenario Outline: Without anything to bucket by, nobody is drawn
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    When the flag was evaluated with details
    Then the resolved details value should be "c"
    And the reason should be "DEFAULT"

    Examples:
      | key                |
      | split-v2           |
      | split-v3           |
      | split-by-number-v2 |
      | split-by-number-v3 |
      | split-by-age-v3    |

  Scenario Outline: Variants and weights may be rules
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a targeting key with value "user-1"
    And a context containing a key "beta", with type "Boolean" and with value "<beta>"
    And a context containing a key "weight", with type "Integer" and with value "<weight>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "<reason>"

    Examples:
      | key             | beta  | weight | value | reason          |
      | split-by-age-v2 | true  | 6      | a     | TARGETING_MATCH |
      | split-by-age-v2 | false | 6      | b     | TARGETING_MATCH |
      | split-by-age-v2 | true  | 5      | c     | DEFAULT         |
      | split-by-age-v2 | true  | 1      | c     | DEFAULT         |
      | split-by-age-v3 | true  | 6      | a     | TARGETING_MATCH |
      | split-by-age-v3 | false | 6      | b     | TARGETING_MATCH |
      | split-by-age-v3 | true  | 5      | c     | DEFAULT         |
      | split-by-age-v3 | true  | 1      | c     | DEFAULT         |
