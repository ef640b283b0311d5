# Golden values of multiple imputation: Rscript imputation_mice.R imputation_mice.csv out.json, with R 4.2.2, mice 3.15.0.
# x has gaps; it is drawn by Bayesian linear regression ("norm") on z, the event and the Nelson-Aalen hazard.
suppressMessages({library(mice); library(survival); library(jsonlite)})
a <- commandArgs(TRUE)
d <- read.csv(a[1])
d$hazard <- nelsonaalen(d, time, event)
p <- matrix(0, 5, 5, dimnames = list(names(d), names(d))); p["x", c("z", "event", "hazard")] <- 1
i <- mice(d, m = 400, maxit = 1, method = c("norm", "", "", "", ""), predictorMatrix = p, printFlag = FALSE, seed = 1)
s <- summary(pool(with(i, coxph(Surv(time, event) ~ x + z))))
g <- summary(pool(with(i, glm(event ~ x + z, family = binomial))))
write(toJSON(list(hazard = d$hazard, cox = s$estimate, cox_se = s$std.error, logistic = g$estimate,
                  logistic_se = g$std.error), digits = 15), a[2])
