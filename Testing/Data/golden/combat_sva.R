# Golden values for ComBat: Rscript combat_sva.R combat_sva.csv, with R 4.2.2 and sva 3.46.0.
# conv = 1e-14 makes sva iterate to the end ("tight"); as it is, it stops at relative changes of 1e-4 ("default").
suppressMessages(library(sva))
set.seed(11)
n <- c(A = 12, B = 9, C = 7); p <- 8
batch <- rep(names(n), n)
x <- sapply(1:p, function(j) 10^(j - 4) * (rnorm(sum(n)) + 5))
shift <- list(A = rnorm(p, 0.4, 0.5), B = rnorm(p, -0.8, 0.4), C = rnorm(p, 0.3, 0.6))
spread <- list(A = runif(p, 0.7, 1.2), B = runif(p, 1.1, 1.8), C = runif(p, 0.5, 0.9))
for (j in 1:p) for (b in names(n)) { k <- batch == b; u <- 10^(j - 4); x[k, j] <- ((x[k, j] / u - 5) * spread[[b]][j] + 5 + shift[[b]][j]) * u }
x <- signif(x, 8)
default <- t(ComBat(t(x), batch = batch))
f <- get("it.sol", envir = asNamespace("sva")); formals(f)$conv <- 1e-14; assignInNamespace("it.sol", f, "sva")
tight <- t(ComBat(t(x), batch = batch))
num <- function(v) formatC(v, digits = 17, format = "g")
o <- data.frame(batch, apply(x, 2, num), apply(default, 2, num), apply(tight, 2, num))
names(o) <- c("batch", paste0("x", 1:p), paste0("default", 1:p), paste0("tight", 1:p))
write.csv(o, commandArgs(TRUE)[1], row.names = FALSE, quote = FALSE)
