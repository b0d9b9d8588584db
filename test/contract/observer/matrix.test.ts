import { gateways } from '../../support/gateways/index.js'
import { cases } from '../../support/matrix/cases.js'
import { impossible } from '../../support/matrix/impossible.js'
import { runCell } from '../../support/matrix/run.js'

for (const gateway of gateways) {
  describe(`${gateway.name}, which knows nothing of the middlewares`, () => {
    for (const attempt of cases) {
      const { reason } = impossible[gateway.name]?.[attempt.name] ?? {}
      const title = reason === undefined ? attempt.name : `${attempt.name}: n/a, ${reason}`
      it(title, async () => void (await runCell(gateway, attempt)))
    }
  })
}
