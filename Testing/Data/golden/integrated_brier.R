# Golden values of the integrated Brier score: R 4.2.2, survival 3.5-3. Run beside lung_cc.csv; prints JSON.
# Graf et al. 1999 by hand: weights 1/G by Kaplan-Meier of the censoring; trapezia over 0, the event times and 500 days.
suppressMessages(library(survival))
d <- read.csv("lung_cc.csv"); m <- coxph(Surv(time, event) ~ age + sex, d)
grid <- sort(unique(c(0, d$time[d$event == 1 & d$time <= 500], 500)))
# Events come before censorings at the same time: those are then no longer at risk of being censored.
times <- sort(unique(d$time)); haz <- sapply(times, function(t) sum(d$time == t & d$event == 0) / max(1, sum(d$time > t) + sum(d$time == t & d$event == 0)))
surv <- cumprod(1 - haz); G <- function(t, left) c(1, surv)[sapply(t, function(u) sum(if (left) times < u else times <= u)) + 1]
score <- function(s) sapply(seq_along(grid), function(k) { t <- grid[k]
  mean(ifelse(d$time <= t & d$event == 1, s[, k]^2 / G(d$time, TRUE), ifelse(d$time > t, (1 - s[, k])^2 / G(t, FALSE), 0))) })
at <- function(f, n) { x <- f$surv; sapply(grid, function(t) { i <- sum(f$time <= t); if (i == 0) rep(1, n) else if (is.matrix(x)) x[i, ] else rep(x[i], n) }) }
model <- score(at(survfit(m, newdata = d), nrow(d))); null <- score(at(survfit(Surv(time, event) ~ 1, d), nrow(d)))
area <- function(y) sum((y[-1] + y[-length(y)]) / 2 * diff(grid)) / 500
cat(sprintf('{\n "integrated_brier": %.15g,\n "null": %.15g,\n "ipa": %.15g,\n "at_500": %.15g\n}\n', area(model), area(null), 1 - area(model) / area(null), model[length(grid)]))
