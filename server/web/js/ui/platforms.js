// The platforms of the snippets: steps (plain and emphasized text by turns) and code. In YAML a block scalar
// (|) keeps the line breaks. The reporter finds the token in its environment: in a command line, other
// processes could see it, and Jenkins would log it. deploy/ci has the same as whole files.

/** @typedef {{ title: string, steps: string[][], code: string }} Platform */

/** @typedef {{ organizationId: number, projectId?: string, cycleId?: string }} Target where results go */

/**
 * @param {string} server this service's address
 * @param {Target} target
 * @returns {Platform[]}
 */
export function platforms(server, { organizationId, projectId = 'PRJ-1', cycleId }) {
  const report = (indent = '') =>
    [
      'testkase-reporter report \\',
      `  --url ${server} \\`,
      `  --project-id ${projectId} --org-id ${organizationId} \\`,
      ...(cycleId ? [`  --cycle-id ${cycleId} \\`] : []),
      '  --format junit --results-file test-results/junit.xml',
    ].join(`\n${indent}`);
  return [
    {
      title: 'GitHub Actions',
      steps: [
        ['', 'Settings → Secrets and variables → Actions → New repository secret'],
        ['Name: ', 'TESTKASE_PAT', '. Value: the token.'],
      ],
      code: `# .github/workflows/tests.yml
- name: Report results
  if: \${{ !cancelled() }}
  env:
    TESTKASE_PAT: \${{ secrets.TESTKASE_PAT }}
  run: |
    ${report('    ')}`,
    },
    {
      title: 'GitLab CI',
      steps: [
        ['', 'Settings → CI/CD → Variables → Add variable'],
        [
          'Key: ',
          'TESTKASE_PAT',
          '. Value: the token. Tick ',
          'Mask variable',
          '; protecting it is optional.',
        ],
      ],
      code: `# .gitlab-ci.yml
report:
  stage: .post
  when: always
  script:
    - |
      ${report('      ')}`,
    },
    {
      title: 'Jenkins',
      steps: [
        ['', 'Manage Jenkins → Manage Credentials → Add Credentials'],
        ['Kind: ', 'Secret text', '. ID: ', 'testkase-pat', '. Secret: the token.'],
      ],
      code: `// Jenkinsfile
environment { TESTKASE_PAT = credentials('testkase-pat') }
post {
  always {
    sh '''
      ${report('      ')}
    '''
  }
}`,
    },
    {
      title: 'Azure DevOps',
      steps: [
        ['', 'Pipeline → Edit → Variables → New variable'],
        ['Name: ', 'TESTKASE_PAT', '. Value: the token. Tick ', 'Keep this value secret', '.'],
      ],
      code: `# azure-pipelines.yml
- script: |
    ${report('    ')}
  condition: succeededOrFailed()
  env:
    TESTKASE_PAT: $(TESTKASE_PAT)`,
    },
    {
      title: 'CircleCI',
      steps: [
        ['', 'Project Settings → Environment Variables → Add Variable'],
        ['Name: ', 'TESTKASE_PAT', '. Value: the token.'],
      ],
      code: `# .circleci/config.yml
- run:
    name: Report results
    when: always
    command: |
      ${report('      ')}`,
    },
    {
      title: 'curl',
      steps: [
        ['Read the token into the shell, so that its history has no copy: ', 'read -rs TESTKASE_PAT'],
        ['Then call the API. ', 'curl -v', ' shows the headers when a call is refused.'],
      ],
      code: `curl -H "Authorization: Bearer $TESTKASE_PAT" \\
  ${server}/api/v1/projects/user-projects`,
    },
    {
      title: 'Reporter',
      steps: [
        [
          'Read the token into the shell, so that its history has no copy: ',
          'read -rs TESTKASE_PAT; export TESTKASE_PAT',
        ],
        ['Then report. Add ', '--cycle-id TCYCLE-5', ' for a cycle other than the master test cycle.'],
      ],
      code: report(),
    },
  ];
}
