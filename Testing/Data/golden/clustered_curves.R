# Curves of rows that share a patient: Rscript clustered_curves.R clustered_curves.csv out.json, with R 4.2.2, survival 3.5.
suppressMessages({library(survival); library(jsonlite)})
a <- commandArgs(TRUE)
set.seed(5)
id <- rep(1:45, sample(1:5, 45, TRUE))
frailty <- rgamma(45, 1.2, 1.2)[id]
first <- rexp(length(id), frailty / 15); second <- rexp(length(id), 1 / 40); lost <- runif(length(id), 5, 60)
time <- ceiling(pmin(first, second, lost))
cause <- ifelse(first <= pmin(second, lost), 1, ifelse(second <= lost, 2, 0))
d <- data.frame(id, time, cause, group = as.integer(id %% 2))
write.csv(d, a[1], row.names = FALSE, quote = FALSE)
at <- c(3, 8, 15, 24, 36)
k <- summary(survfit(Surv(time, cause == 1) ~ 1, d, cluster = id, conf.type = "log"), times = at)
l <- summary(survfit(Surv(time, cause == 1) ~ 1, d, cluster = id, conf.type = "log-log"), times = at)
m <- summary(survfit(Surv(time, cause == 1) ~ 1, d, cluster = id))$table
write(toJSON(list(times = at, survival = k$surv, se = k$std.err, lower = k$lower, upper = k$upper,
                  log_log_lower = l$lower, log_log_upper = l$upper, median = unname(m[c("median", "0.95LCL", "0.95UCL")])), digits = 15), a[2])
