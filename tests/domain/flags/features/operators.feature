Feature: Operators

  Scenario Outline: Numbers
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "age", with type "Integer" and with value "<age>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key                   | age | value |
      | op-equal              | 18  | yes   |
      | op-equal              | 19  | no    |
      | op-strictly-equal     | 18  | yes   |
      | op-strictly-equal     | 19  | no    |
      | op-strictly-not-equal | 18  | yes   |
      | op-greater            | 19  | yes   |
      | op-greater            | 18  | no    |
      | op-greater-or-equal   | 18  | yes   |
      | op-greater-or-equal   | 17  | no    |
      | op-less               | 17  | yes   |
      | op-less               | 18  | no    |
      | op-less-or-equal      | 18  | yes   |
      | op-less-or-equal      | 19  | no    |
      | op-between            | 5   | yes   |
      | op-between            | 10  | no    |
      | op-between-or-equal   | 10  | yes   |
      | op-between-or-equal   | 11  | no    |
      | op-remainder          | 10  | yes   |
      | op-remainder          | 11  | no    |
      | op-divide             | 10  | yes   |
      | op-multiply           | 10  | yes   |
      | op-add                | 10  | yes   |
      | op-subtract           | 10  | yes   |
      | op-negative           | 10  | yes   |
      | op-max                | 10  | yes   |
      | op-max                | 4   | no    |
      | op-min                | 10  | yes   |
      | op-min                | 60  | no    |
      | op-or                 | 10  | yes   |
      | op-or                 | 1   | no    |
      | op-and                | 10  | no    |
      | op-map                | 10  | yes   |
      | op-map                | 11  | no    |
      | op-reduce             | 10  | yes   |
      | op-filter             | 1   | yes   |
      | op-all                | 1   | yes   |
      | op-some               | 1   | yes   |
      | op-none               | 1   | yes   |
      | ext-in-range          | 10  | yes   |
      | ext-in-range          | 20  | yes   |
      | ext-in-range          | 21  | no    |

  Scenario Outline: Texts
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "tier", with type "String" and with value "<tier>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key             | tier     | value |
      | op-var-default  |          | no    |
      | op-var-default  | free     | yes   |
      | op-missing      | gold     | no    |
      | op-missing-some | gold     | yes   |
      | op-not-equal    | gold     | no    |
      | op-not-equal    | tin      | yes   |
      | op-not          | gold     | no    |
      | op-not          | tin      | yes   |
      | op-truth        | gold     | yes   |
      | op-truth        |          | no    |
      | op-in-list      | silver   | yes   |
      | op-in-list      | sil      | no    |
      | op-in-text      | marigold | yes   |
      | op-in-text      | tin      | no    |
      | op-substr       | gold     | yes   |
      | op-substr       | tin      | no    |
      | op-substr-end   | gold     | yes   |
      | op-merge        | silver   | yes   |
      | op-merge        | tin      | no    |

  Scenario Outline: Of two attributes
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "tier", with type "String" and with value "<tier>"
    And a context containing a key "age", with type "Integer" and with value "<age>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key    | tier | age | value |
      | op-and | gold | 10  | yes   |
      | op-and | gold | 1   | no    |
      | op-and | tin  | 10  | no    |
      | op-cat | gold | 10  | yes   |
      | op-cat | gold | 11  | no    |

  Scenario Outline: Mail addresses
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "email", with type "String" and with value "<email>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key            | email          | value |
      | op-starts-with | ada@home.org   | yes   |
      | op-starts-with | bob@home.org   | no    |
      | op-ends-with   | bob@acme.com   | yes   |
      | op-ends-with   | bob@acme.org   | no    |
      | op-missing     | ada@acme.com   | no    |
      | ext-matches    | ada.l@acme.org | yes   |
      | ext-matches    | ada@acme.net   | no    |

  Scenario Outline: An attribute that is not there meets no condition
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    When the flag was evaluated with details
    Then the resolved details value should be "no"
    And the reason should be "DEFAULT"

    Examples:
      | key             |
      | op-equal        |
      | op-greater      |
      | op-starts-with  |
      | op-ends-with    |
      | op-in-list      |
      | op-truth        |
      | op-missing      |
      | op-missing-some |
      | semver-equal    |
      | ext-matches     |
      | ext-in-cidr     |
      | ext-in-dates    |
      | ext-in-range    |

  Scenario Outline: Versions
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "version", with type "String" and with value "<version>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key                     | version       | value |
      | semver-equal            | 1.2.0         | yes   |
      | semver-equal            | v1.2          | yes   |
      | semver-equal            | 1.2.0+build.5 | yes   |
      | semver-equal            | 1.2.1         | no    |
      | semver-equal            | one           | no    |
      | semver-not-equal        | 1.2.1         | yes   |
      | semver-not-equal        | one           | no    |
      | semver-greater          | 1.10.0        | yes   |
      | semver-greater          | 1.2.0         | no    |
      | semver-greater          | 1.2.0-rc.1    | no    |
      | semver-greater-or-equal | 1.2.0         | yes   |
      | semver-greater-or-equal | 1.1.9         | no    |
      | semver-less             | 1.2.0-rc.1    | yes   |
      | semver-less             | 1.2.0         | no    |
      | semver-less-or-equal    | 1.2           | yes   |
      | semver-less-or-equal    | 1.2.1         | no    |
      | semver-minor            | 1.2.9         | yes   |
      | semver-minor            | 1.3.0         | no    |
      | semver-major            | 1.9.9         | yes   |
      | semver-major            | 2.0.0         | no    |

  Scenario Outline: Addresses
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "ip", with type "String" and with value "<ip>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key         | ip              | value |
      | ext-in-cidr | 10.20.30.40     | yes   |
      | ext-in-cidr | 11.0.0.1        | no    |
      | ext-in-cidr | 2001:db8::1     | yes   |
      | ext-in-cidr | ::ffff:10.0.0.1 | yes   |
      | ext-in-cidr | somewhere       | no    |

  Scenario Outline: Moments
    Given an evaluator
    And a String-flag with key "<key>" and a fallback value "mine"
    And a context containing a key "since", with type "String" and with value "<since>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"

    Examples:
      | key              | since                    | value |
      | ext-in-dates     | 2026-01-01T00:00:00Z     | yes   |
      | ext-in-dates     | 2025-12-31T23:59:59.999Z | no    |
      | ext-in-dates     | 2026-06-30T21:59:59Z     | yes   |
      | ext-in-dates     | 2026-06-30T22:00:00Z     | no    |
      | ext-in-dates     | yesterday                | no    |
      | ext-in-dates-now | -                        | yes   |
