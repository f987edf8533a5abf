@feature
Feature: things [00009]
  Background:
    Given it works

  Scenario: passes [48271]
    Given it works

  Scenario: fails [48272]
    Given it breaks

  @tag[48273]
  Scenario: undefined
    Given nobody knows

  Scenario: pending [48274]
    Given it is pending

  Scenario: skipped [48275]
    Given it is skipped

  Scenario Outline: rows [48276]
    Given it <what>
    Examples:
      | what   |
      | works  |
      | breaks |
