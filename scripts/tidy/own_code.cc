// SPDX-License-Identifier: Apache-2.0
// A plugin of clang-tidy 14 with which it walks what is ours alone. By itself it walks the standard
// library, Abseil, DPDK and GoogleTest with every check, and throws away what it found there: more
// than half of its time. What it says of our code is the same; check_units.py --self-test shows it.
//
// As a check, "weft-own-code-only", for that is what a plugin can add.
#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>
#include <clang/AST/ASTContext.h>
#include <clang/ASTMatchers/ASTMatchFinder.h>

#include <vector>

namespace weft::lint {
namespace {

class OwnCodeOnly final : public clang::tidy::ClangTidyCheck {
 public:
  using ClangTidyCheck::ClangTidyCheck;

  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override {
    finder->addMatcher(clang::ast_matchers::translationUnitDecl(), this);
  }
  // Of the unit itself, before the walk goes into it.
  void check(const clang::ast_matchers::MatchFinder::MatchResult& result) override {
    std::vector<clang::Decl*> ours;
    for (clang::Decl* declaration : result.Context->getTranslationUnitDecl()->decls()) {
      if (!result.SourceManager->isInSystemHeader(declaration->getLocation()))
        ours.push_back(declaration);
    }
    result.Context->setTraversalScope(ours);
  }
};

class LintModule final : public clang::tidy::ClangTidyModule {
 public:
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
    factories.registerCheck<OwnCodeOnly>("weft-own-code-only");
  }
};

const clang::tidy::ClangTidyModuleRegistry::Add<LintModule> kModule("weft", "For weft's own code.");

}  // namespace
}  // namespace weft::lint
