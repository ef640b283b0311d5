# Golden values of a spline and a factor in a Cox model: R 4.2.2, survival 3.5-3. Run beside competing.csv; prints JSON.
# ns() spans the same curves as rms's rcs() at the same knots, in another basis: fits, tests and ratios are the same.
suppressMessages({library(survival); library(splines)})
d <- read.csv("competing.csv"); num <- function(x) paste0("[", paste(formatC(x, digits = 15, format = "g"), collapse = ", "), "]")
item <- function(name, x) cat(sprintf(' "%s": %s,\n', name, num(x)))
k <- quantile(d$age, c(0.05, 0.35, 0.65, 0.95)); q <- quantile(d$age, c(0.25, 0.75))
m <- coxph(Surv(time, cause == 1) ~ ns(age, knots = k[2:3], Boundary.knots = k[c(1, 4)]) + factor(stage) + rad, d)
l <- coxph(Surv(time, cause == 1) ~ age + factor(stage) + rad, d)
cat("{\n"); item("knots", k); item("quartiles", q); item("loglik", m$loglik)
wald <- function(i) { b <- coef(m)[i]; x <- drop(b %*% solve(vcov(m)[i, i]) %*% b); c(x, length(i), pchisq(x, length(i), lower.tail = FALSE)) }
item("wald_age", wald(1:3)); item("wald_stage", wald(4:5)); item("coef_stage", coef(m)[4:5]); item("coef_rad", coef(m)[6])
b <- ns(q, knots = k[2:3], Boundary.knots = k[c(1, 4)]); s <- b[2, ] - b[1, ]
r <- sum(s * coef(m)[1:3]); se <- drop(sqrt(s %*% vcov(m)[1:3, 1:3] %*% s)); item("ratio_quartiles", exp(r + c(0, -1.959963984540054, 1.959963984540054) * se))
item("lr_bend", c(2 * (m$loglik[2] - l$loglik[2]), 2))
new <- data.frame(age = c(45, 64, 80), stage = c(1, 2, 3), rad = c(0, 1, -0.5))
item("survival_24", summary(survfit(m, new), times = 24)$surv)
cat(' "r": "R 4.2.2, survival 3.5-3"\n}\n')
