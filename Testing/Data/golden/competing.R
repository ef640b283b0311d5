# Golden values of competing events: R 4.2.2, survival 3.5-3, cmprsk 2.2-11. Run beside competing.csv; prints JSON.
suppressMessages({library(survival); library(cmprsk)})
d <- read.csv("competing.csv")
num <- function(x) paste0("[", paste(formatC(x, digits = 15, format = "g"), collapse = ", "), "]")
item <- function(name, x) cat(sprintf(' "%s": %s,\n', name, num(x)))
at <- c(12, 24, 36)
cat("{\n")
d$f <- factor(d$cause, 0:2, c("censored", "failure", "death"))
aj <- summary(survfit(Surv(time, f) ~ 1, d), times = at)
item("aj_failure", aj$pstate[, 2]); item("aj_failure_se", aj$std.err[, 2]); item("aj_death", aj$pstate[, 3])
high <- summary(survfit(Surv(time, f) ~ 1, d[d$group == "high", ]), times = at)
item("aj_failure_high", high$pstate[, 2])
two <- cuminc(d$time, d$cause, d$group)$Tests; three <- cuminc(d$time, d$cause, d$stage)$Tests
item("gray_group", two[1, ]); item("gray_stage", three[1, ]); item("gray_group_death", two[2, ])
x <- as.matrix(d[, c("rad", "stage", "age")])
fg <- crr(d$time, d$cause, x)
item("crr_coef", fg$coef); item("crr_se", sqrt(diag(fg$var)))
new <- rbind(c(0, 2, 64), c(1, 3, 70)); p <- predict(fg, new)
item("crr_incidence_0_2_64", p[findInterval(at, p[, 1]), 2]); item("crr_incidence_1_3_70", p[findInterval(at, p[, 1]), 3])
c1 <- coxph(Surv(time, cause == 1) ~ rad + stage + age, d); c2 <- coxph(Surv(time, cause == 2) ~ rad + stage + age, d)
item("cause1_coef", coef(c1)); item("cause1_se", sqrt(diag(vcov(c1)))); item("cause2_coef", coef(c2))
# Absolute risk from both hazards: integral of S dL1, S = exp(-L1 - L2), constant hazards within a step; Efron's baseline.
risk <- function(r) {
  newdata <- data.frame(rad = r[1], stage = r[2], age = r[3])
  h1 <- survfit(c1, newdata); h2 <- survfit(c2, newdata)
  t <- sort(unique(d$time)); L <- function(s) c(0, s$cumhaz)[findInterval(t, s$time) + 1]
  l1 <- L(h1); l2 <- L(h2); before <- c(1, exp(-(l1 + l2))[-length(t)])
  d1 <- diff(c(0, l1)); d <- diff(c(0, l1 + l2))
  F <- cumsum(ifelse(d > 0, before * (1 - exp(-d)) * d1 / pmax(d, 1e-300), 0)); F[findInterval(at, t)]
}
item("csc_incidence_0_2_64", risk(c(0, 2, 64))); item("csc_incidence_1_3_70", risk(c(1, 3, 70)))
# Wolbers' C of rad: who dies stays at risk for ever.
never <- ifelse(d$cause == 2, 1e6, d$time)
w <- concordance(Surv(never, d$cause == 1) ~ d$rad, reverse = TRUE)
item("wolbers_c", c(w$concordance, sqrt(w$var)))
cat(' "r": "R 4.2.2, survival 3.5-3, cmprsk 2.2-11"\n}\n')
